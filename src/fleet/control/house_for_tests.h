// A controller's lives over fakes that outlive it, for the tests of the loop.
#pragma once

#include "fleet/control/control.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <queue>

#include "fleet/probe/fake.h"
#include "fleet/provider/fake.h"
#include "fleet/store/memory.h"
#include "fleet/verify/fake.h"

namespace utakata {

using Json = nlohmann::json;

inline ClusterSpec cluster(const std::string& name, int min, int max) {
  ClusterSpec spec;
  spec.name = name;
  spec.version = "v1";
  spec.run = {"node " + name + ".js"};
  spec.url = {"ws://${host}:${port}"};
  spec.instances_min = min;
  spec.instances_max = max;
  spec.drain.tell_method = "POST";
  spec.drain.tell_path = "/drain";
  return spec;
}

struct Crash {};  // the process ends here

// A provider that forwards, and dies before or after its nth order.
class CrashingProvider final : public Provider {
 public:
  CrashingProvider(Provider& inner, int& left, bool before)
      : inner_(inner), left_(left), before_(before) {}
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override {
    return order([&] { return inner_.launch(id, spec); });
  }
  void release(const InstanceId& id, const std::string& handle) override {
    order([&] { return inner_.release(id, handle), Expected<void>{}; });
  }
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override {
    inner_.adopt(id, handle, address);
  }
  Expected<void> stop(const InstanceId& id, Duration grace) override {
    return order([&] { return inner_.stop(id, grace); });
  }
  std::vector<Host> hosts() const override { return inner_.hosts(); }
  std::vector<ProviderNews> hear() override {
    auto news = inner_.hear();
    std::ranges::move(std::exchange(found, {}), std::back_inserter(news));
    return news;
  }
  void on_news(std::function<void()> wake) override {
    wakes = wake;
    inner_.on_news(std::move(wake));
  }
  std::vector<ProviderNews> found;  // of instances that others run
  std::function<void()> wakes;

 private:
  template <class Order>
  Expected<void> order(Order give) {
    const bool dies = left_ > 0 && --left_ == 0;
    if (dies && before_) throw Crash{};
    auto result = give();
    if (dies) throw Crash{};
    return result;
  }
  Provider& inner_;
  int& left_;
  bool before_;
};

class FakeTeller final : public Teller {
 public:
  void tell(const Message& m, std::function<void(Expected<void>)>) override {
    told.push_back(std::to_string(m.address.port) + (m.draining ? " draining" : " serving"));
  }
  void lend(const Address& address, const std::string&, Duration time) override {
    lent.push_back(std::to_string(address.port) + " " + std::to_string(to_ms(time)));
  }
  std::vector<std::string> told, lent;
};

class FakeOwners final : public Owners {
 public:
  void want(std::vector<std::string> clusters) override { asked_for = std::move(clusters); }
  std::vector<std::string> wanted() const override { return asked_for; }
  Ownership of(std::string_view cluster) const override {
    const auto known = now.find(cluster);
    return known == now.end() ? Ownership{} : known->second;
  }
  std::optional<std::int64_t> fence(std::string_view cluster) const override {
    const Ownership it = of(cluster);
    return it.kind == Ownership::Kind::ours ? std::optional(it.tenure) : std::nullopt;
  }
  std::vector<Controller> others() const override { return {}; }
  std::map<std::string, Ownership, std::less<>> now;
  std::vector<std::string> asked_for;
};

// A controller's life over a world that outlives it.
class House {
 public:
  explicit House(Stack s) : stack(std::move(s)) {}
  ~House() { crash(); }

  void start() {
    provider = std::make_unique<FakeProvider>(host);
    crashing = std::make_unique<CrashingProvider>(*provider, orders_left, crash_before);
    control = std::make_unique<Control>(parts(), stack);
    ASSERT_TRUE(control->start(*store.load()));
    host.turn();
  }
  void crash() {
    work = {};
    control.reset();
    crashing.reset();
    provider.reset();
  }
  // Lets a second pass, in steps, with the news in between.
  void second() {
    const Instant end = clock.now() + 1s;
    while (!work.empty() && work.top().at <= end) {
      const Work next = work.top();
      work.pop();
      clock.advance(std::max(Duration{0}, next.at - clock.now()));
      next.run();
      host.turn();
    }
    clock.advance(end - clock.now());
    host.turn();
  }
  void seconds(int n) {
    for (int k = 0; k < n; ++k) second();
  }

  Json status() {
    AdminCall call;
    return Json::parse(*control->ask(call));
  }
  int serving(const std::string& name) {
    const Json now = status();
    for (const auto& c : now["clusters"])
      if (c["name"] == name) return c["serving"];
    return -1;
  }
  void find(const std::string& cluster, const std::string& handle, const Address& address) {
    is_others = true;
    crashing->found.push_back({.kind = ProviderNews::Kind::found,
                               .id = {},
                               .handle = handle,
                               .address = address,
                               .what = {},
                               .cluster = cluster});
    crashing->wakes();
  }
  int alive() const { return int(host.guests().size()); }

  FakeClock clock;
  Stack stack;
  FakeHost host;
  MemoryStore store;
  FakeProbe probe{clock};
  FakeTeller teller;
  FakeVerifier verifier;
  std::vector<PlacementView> views;
  std::vector<std::string> problems;
  bool is_down = false;
  bool is_others = false;  // everyone answers: the instances are not those of `host`
  int orders_left = 0;
  bool crash_before = false;
  FakeOwners* owners = nullptr;
  std::unique_ptr<FakeProvider> provider;
  std::unique_ptr<CrashingProvider> crashing;
  std::unique_ptr<Control> control;

 private:
  struct Work {
    Instant at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Work& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };

  // Everyone who runs answers, with the connections the test gave it.
  class AnsweringProbe final : public Probe {
   public:
    explicit AnsweringProbe(House& house) : house_(house) {}
    void look(std::span<const ProbeTarget> targets, Duration deadline,
              std::function<void(std::vector<Sight>)> done) override {
      for (const ProbeTarget& t : targets)
        if ((house_.host.runs(t.id) || house_.is_others) && !house_.frozen(t.id))
          house_.probe.answers(t.id, house_.clients[t.id.text]);
        else
          house_.probe.is_silent(t.id);
      house_.probe.look(targets, deadline, std::move(done));
    }

   private:
    House& house_;
  };

  ControlParts parts() {
    return {.clock = clock,
            .after =
                [this](Duration d, std::function<void()> run) {
                  work.push({clock.now() + d, next_++, std::move(run)});
                },
            .provider = *crashing,
            .store = store,
            .teller = teller,
            .verifier = verifier,
            .make_probe =
                [this](const ClusterSpec&) { return std::make_unique<AnsweringProbe>(*this); },
            .publish =
                [this](const std::shared_ptr<const PlacementView>& view) {
                  // A placing side that obeys at once and holds nothing.
                  SeatReport report{.cluster = view->cluster,
                                    .version = view->version,
                                    .waiting = 0,
                                    .granted = 0,
                                    .refused = 0,
                                    .lines = {}};
                  views.push_back(*view);
                  work.push({clock.now(), next_++, [this, report] { control->take(report); }});
                },
            .token_of = [](const InstanceId& id) { return "token of " + id.text; },
            .hash_of = [](const std::string& token) { return "hash of " + token; },
            .parse = [this](const std::string&) -> Expected<Stack> { return edited; },
            .on_activity = [](const Activity&) {},
            .on_problem = [this](const std::string& what) { problems.push_back(what); },
            .on_down = [this] { is_down = true; },
            .api_url = "http://127.0.0.1:7070",
            .run_folder = "/tmp/run",
            .owners = owners};
  }

 public:
  bool frozen(const InstanceId& id) const {
    return std::ranges::find(frozen_ids, id.text) != frozen_ids.end();
  }
  std::map<std::string, int> clients;
  std::vector<std::string> frozen_ids;
  Stack edited;

 private:
  std::priority_queue<Work> work;
  std::uint64_t next_ = 0;
};

inline Stack stack_of(std::vector<ClusterSpec> clusters) {
  Stack stack;
  stack.name = "show";
  stack.folder = "/";
  stack.clusters = std::move(clusters);
  return stack;
}

}  // namespace utakata
