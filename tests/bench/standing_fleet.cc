// A controller of one great cluster without its processes: Control and Api on two loops, wired as
// cli/controller.cc does, SQLite beneath; only provider, probe and teller are made up. Every
// instance answers each second, with another number than before, and whoever was promised a seat
// has come by then.
//
//   standing_fleet PORT INSTANCES FOLDER     until SIGTERM; then a line of JSON: how long ticks and
//   views took
#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <vector>

#include "fleet/api/api.h"
#include "fleet/control/control.h"
#include "fleet/store/sqlite/sqlite_store.h"
#include "net/loop.h"
#include "wire/digest.h"

namespace {

using namespace utakata;

double cpu_ms() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return double(at.tv_sec) * 1e3 + double(at.tv_nsec) / 1e6;
}

class Times {
 public:
  void add(double ms) { all_.push_back(ms); }
  std::string json() {
    std::ranges::sort(all_);
    if (all_.empty()) return "null";
    return fmt::format(R"({{"median_ms":{:.3f},"worst_ms":{:.3f},"times":{}}})",
                       all_[all_.size() / 2], all_.back(), all_.size());
  }

 private:
  std::vector<double> all_;
};

class NoProvider final : public Provider {  // everybody is there already, and stays
 public:
  Expected<void> launch(const InstanceId&, const LaunchSpec&) override { return {}; }
  void release(const InstanceId&, const std::string&) override {}
  void adopt(const InstanceId&, const std::string&, const Address&) override {}
  Expected<void> stop(const InstanceId&, Duration) override { return {}; }
  std::vector<ProviderNews> hear() override { return {}; }
  void on_news(std::function<void()>) override {}
};

class NoVerifier final : public Verifier {
 public:
  void verify(std::string, Duration, std::function<void(Expected<void>)> done) override {
    done({});
  }
};

class NoTeller final : public Teller {
 public:
  void tell(const Message&, std::function<void(Expected<void>)> done) override { done({}); }
  void lend(const Address&, const std::string&, Duration) override {}
};

class CrowdProbe final : public Probe {
 public:
  CrowdProbe(const Clock& clock, int instances)
      : clock_(clock), came_(std::size_t(instances) + 1) {}
  void hear(const SeatReport& report) {
    for (const SeatReport::Line& line : report.lines) came_[number_of(line.id)] += line.seats_held;
  }
  void look(std::span<const ProbeTarget> targets, Duration,
            std::function<void(std::vector<Sight>)> done) override {
    std::vector<Sight> sights(targets.size());
    for (std::size_t k = 0; k < targets.size(); ++k) {
      const std::int64_t came = came_[number_of(targets[k].id)];
      sights[k].asked = sights[k].answered = sights[k].ready = true;
      sights[k].count = Count{int(100 + (came + std::int64_t(k)) % 50), clock_.now()};
      sights[k].accepted = came;
      sights[k].metrics = {double(sights[k].count->connections)};
    }
    done(std::move(sights));
  }

 private:
  static std::size_t number_of(const InstanceId& id) {
    return std::size_t(std::atoi(id.text.c_str() + std::string_view("game-").size()));
  }
  const Clock& clock_;
  std::vector<std::int64_t> came_;  // by instance
};

ClusterSpec made_spec(int instances) {
  ClusterSpec spec;
  spec.name = "game";
  spec.version = "v1";
  spec.run.text = "true";
  spec.capacity = 1000;
  spec.instances_min = instances;
  spec.instances_max = instances + instances / 10;
  spec.scale = {{"headroom", HeadroomRule{.amount = {.value = 10, .is_percent = true}}}};
  return spec;
}

Saved made_past(int instances) {
  Saved saved;
  saved.fleet_id = "bench";
  for (int k = 1; k <= instances; ++k) {
    Instance i;
    i.id.text = fmt::format("game-{}", k);
    i.version = "v1";
    i.lifecycle = Lifecycle::serving;
    i.handle = fmt::format("pid {} started 93112", 1000 + k);
    i.address = {"127.0.0.1", std::uint16_t(20'000 + k)};
    i.url = fmt::format("wss://game-{}.example.com:{}/", k, 20'000 + k);
    i.token_hash = wire::sha256_hex(i.id.text);
    saved.instances.push_back({"game", std::move(i)});
  }
  saved.clusters.push_back({"game", {}, instances + 1});
  return saved;
}

class StandingFleet final : public FleetAccess {
 public:
  StandingFleet(std::uint16_t port, int instances, const std::string& folder)
      : instances_(instances), probe_(clock_, instances) {
    auto store = open_sqlite(folder + "/standing.db");
    if (!store) fail(store.error().what);
    store_ = std::move(*store);
    ApiOptions options;
    options.stack = "bench";
    options.api.listen.port = port;
    api_ = std::make_unique<Api>(api_loop_, *this, std::move(options));
    api_->on_report([this](SeatReport report) {
      control_loop_.post([this, report = std::move(report)]() mutable {
        probe_.hear(report);
        control_->take(std::move(report));
      });
    });
    if (const auto taken = api_->listen(); !taken) fail(taken.error().what);
    Stack stack;
    stack.name = "bench";
    stack.clusters = {made_spec(instances)};
    control_ = std::make_unique<Control>(parts(), std::move(stack));
  }

  void run() {
    control_loop_.post([this] { (void)control_->start(made_past(instances_)); });
    for (const int number : {SIGTERM, SIGINT})
      api_loop_.on_signal(number, [this] { api_loop_.stop(); });
    std::thread control_thread([this] { control_loop_.run(); });
    api_loop_.run();
    control_loop_.stop();
    control_thread.join();
    fmt::print(R"({{"tick":{}}})"
               "\n",
               ticks_.json());
  }

  void ask(AdminCall call, std::function<void(Expected<std::string>)> answer) override {
    control_loop_.post([this, call = std::move(call), answer = std::move(answer)] {
      auto result = std::make_shared<Expected<std::string>>(control_->ask(call));
      api_loop_.post([answer, result] { answer(std::move(*result)); });
    });
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    fmt::print(stderr, "standing_fleet: {}\n", what);
    std::exit(2);
  }

  // The control loop's own work is what is measured, by its thread's CPU.
  void after(Duration delay, std::function<void()> work) {
    control_loop_.after(delay, [this, work = std::move(work)] {
      const double begin = cpu_ms();
      work();
      ticks_.add(cpu_ms() - begin);
    });
  }

  void publish(std::shared_ptr<const PlacementView> view) {
    api_loop_.post([this, view = std::move(view)] { api_->apply(view); });
  }

  ControlParts parts() {
    return {
        .clock = clock_,
        .after = [this](Duration delay,
                        std::function<void()> work) { after(delay, std::move(work)); },
        .provider = provider_,
        .store = *store_,
        .teller = teller_,
        .verifier = verifier_,
        .make_probe = [this](const ClusterSpec&) -> std::unique_ptr<Probe> {
          return std::make_unique<Borrowed>(probe_);
        },
        .publish = [this](std::shared_ptr<const PlacementView> view) { publish(std::move(view)); },
        .token_of = [](const InstanceId& id) { return id.text; },
        .hash_of = [](const std::string& token) { return wire::sha256_hex(token); },
        .parse = [](const std::string&) -> Expected<Stack> {
          return problem(Problem::Kind::invalid, "There is no file here.");
        },
        .on_activity = [](const Activity&) {},
        .on_problem = [](const std::string& what) { fmt::print(stderr, "{}\n", what); },
        .on_down = [this] { api_loop_.stop(); },
        .api_url = "http://127.0.0.1",
        .run_folder = "/nowhere",
        .give_way = [] { std::this_thread::yield(); }};
  }

  class Borrowed final : public Probe {
   public:
    explicit Borrowed(Probe& lender) : lender_(lender) {}
    void look(std::span<const ProbeTarget> targets, Duration deadline,
              std::function<void(std::vector<Sight>)> done) override {
      lender_.look(targets, deadline, std::move(done));
    }

   private:
    Probe& lender_;
  };

  const int instances_;
  net::SystemClock clock_;
  NoProvider provider_;
  NoTeller teller_;
  NoVerifier verifier_;
  CrowdProbe probe_;
  Times ticks_;
  std::unique_ptr<Store> store_;
  net::Loop api_loop_;
  std::unique_ptr<Api> api_;
  net::Loop control_loop_;
  std::unique_ptr<Control> control_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    fmt::print(stderr, "standing_fleet PORT INSTANCES FOLDER\n");
    return 2;
  }
  StandingFleet(std::uint16_t(std::atoi(arguments[1])), std::atoi(arguments[2]), arguments[3])
      .run();
}
