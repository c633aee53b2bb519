// The whole loop over fakes: what is recorded, what is done, and what a crash between the two
// leaves behind.
#include "fleet/control/control.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <queue>

#include "fleet/probe/fake.h"
#include "fleet/provider/fake.h"
#include "fleet/store/memory.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

ClusterSpec cluster(const std::string& name, int min, int max) {
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
  void release(const InstanceId& id) override {
    order([&] { return inner_.release(id), Expected<void>{}; });
  }
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override {
    inner_.adopt(id, handle, address);
  }
  Expected<void> stop(const InstanceId& id, Duration grace) override {
    return order([&] { return inner_.stop(id, grace); });
  }
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
  std::vector<std::string> told;
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
  std::vector<PlacementView> views;
  std::vector<std::string> problems;
  bool is_down = false;
  bool is_others = false;  // everyone answers: the instances are not those of `host`
  int orders_left = 0;
  bool crash_before = false;
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
            .run_folder = "/tmp/run"};
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

Stack stack_of(std::vector<ClusterSpec> clusters) {
  Stack stack;
  stack.name = "show";
  stack.folder = "/";
  stack.clusters = std::move(clusters);
  return stack;
}

}  // namespace

TEST(Control, intents_are_recorded_before_outcomes_and_the_cluster_serves) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 2);
  std::vector<std::string> kinds;
  for (const Activity& a : house.store.all_activities())
    if (a.instance == "game-1") kinds.push_back(a.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"launch", "launched", "ready"}));
}

TEST(Control, what_needs_another_cluster_starts_after_it_serves_and_learns_its_address) {
  ClusterSpec redis = cluster("redis", 1, 1), lobby = cluster("lobby", 1, 1);
  lobby.needs = {"redis"};
  lobby.env = {{"REDIS", {"${clusters.redis.host}:${clusters.redis.port}"}}};
  House house(stack_of({redis, lobby}));
  house.host.launches_by_itself = false;
  house.start();
  house.seconds(3);
  EXPECT_EQ(house.alive(), 1);
  house.host.start({"redis-1"});
  house.host.launches_by_itself = true;
  house.seconds(3);
  ASSERT_EQ(house.serving("lobby"), 1);
  const auto& env = house.host.guests().at({"lobby-1"}).spec.env;
  EXPECT_NE(std::ranges::find(env, std::pair<std::string, std::string>("REDIS", "127.0.0.1:20000")),
            env.end());
}

TEST(Control, a_death_is_healed_in_the_turn_in_which_it_is_told) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(8);
  house.host.die({"game-1"});
  EXPECT_EQ(house.alive(), 2) << "no tick was needed";
}

TEST(Control, a_full_disk_stops_every_act_is_said_once_and_work_goes_on_after) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(8);
  house.store.set_full(true);
  house.host.die({"game-1"});
  house.seconds(20);
  EXPECT_EQ(house.alive(), 1) << "nothing is launched without a recorded intent";
  const auto said = std::ranges::count_if(
      house.problems, [](const std::string& p) { return p.find("nothing is done") != p.npos; });
  EXPECT_EQ(said, 1);
  house.store.set_full(false);
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 2);
}

// Promise 9: a crash at any order, before or after it, loses no instance and launches none twice.
TEST(Control, a_crash_at_any_order_loses_nothing_and_launches_nothing_twice) {
  for (const bool before : {true, false}) {
    for (int nth = 1; nth < 12; ++nth) {
      House house(stack_of({cluster("game", 3, 4)}));
      house.orders_left = nth;
      house.crash_before = before;
      bool crashed = false;
      try {
        house.start();
        house.seconds(5);
        house.host.die({"game-2"});
        house.seconds(5);
      } catch (const Crash&) {
        crashed = true;
        house.crash();
        house.start();
        house.seconds(10);
      }
      if (!crashed) {
        EXPECT_GT(nth, 6) << "the crash point was never reached";
        break;
      }
      EXPECT_EQ(house.serving("game"), 3)
          << "crash " << (before ? "before" : "after") << " order " << nth;
      EXPECT_EQ(house.alive(), 3) << "crash " << (before ? "before" : "after") << " order " << nth;
      for (const auto& [id, starts] : house.host.starts) EXPECT_LE(starts, 1) << id.text;
    }
  }
}

TEST(Control, a_restart_adopts_everyone_and_cuts_no_one) {
  House house(stack_of({cluster("game", 3, 4)}));
  house.start();
  house.seconds(5);
  house.clients = {{"game-1", 5}, {"game-2", 6}, {"game-3", 7}};
  for (int k = 0; k < 5; ++k) {
    house.seconds(2);
    house.crash();
    house.start();
  }
  house.seconds(5);
  EXPECT_EQ(house.serving("game"), 3);
  EXPECT_EQ(house.host.starts.size(), 3u);
}

TEST(Control, a_stop_intent_is_final_even_over_a_restart) {
  House house(stack_of({cluster("game", 1, 4)}));
  house.host.stops_by_itself = false;
  house.start();
  house.seconds(5);
  AdminCall drain;
  drain.verb = AdminCall::Verb::drain;
  drain.instance = "game-1";
  ASSERT_TRUE(house.control->ask(drain));
  house.seconds(5);
  EXPECT_EQ(house.host.guests().at({"game-1"}).phase, FakeHost::Phase::stopping);
  house.crash();
  house.start();
  house.clients["game-1"] = 9;
  house.seconds(2);
  EXPECT_EQ(house.host.guests().at({"game-1"}).phase, FakeHost::Phase::stopping);
  house.host.die({"game-1"});
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 1);
}

TEST(Control, restarts_do_not_stretch_a_drains_deadline) {
  ClusterSpec game = cluster("game", 1, 4);
  game.drain.deadline = 100s;
  House house(stack_of({game}));
  house.start();
  house.seconds(5);
  house.clients["game-1"] = 9;
  AdminCall drain;
  drain.verb = AdminCall::Verb::drain;
  drain.instance = "game-1";
  ASSERT_TRUE(house.control->ask(drain));
  int seconds = 0;
  while (house.host.guests().contains({"game-1"}) && seconds < 300) {
    house.seconds(10);
    seconds += 10;
    house.crash();
    house.start();
  }
  EXPECT_GE(seconds, 100);
  EXPECT_LE(seconds, 210) << "each of the restarts may cost 5 s and what a second of life takes";
}

TEST(Control, a_drained_instance_is_told_and_leaves_placement_in_the_same_step) {
  House house(stack_of({cluster("game", 1, 4)}));
  house.start();
  house.seconds(5);
  house.clients["game-1"] = 2;
  house.second();
  AdminCall drain;
  drain.verb = AdminCall::Verb::drain;
  drain.instance = "game-1";
  ASSERT_TRUE(house.control->ask(drain));
  EXPECT_EQ(house.teller.told, std::vector<std::string>{"20000 draining"});
  EXPECT_FALSE(house.views.back().instances.at(0).open);
  house.seconds(30);
  EXPECT_TRUE(house.host.runs({"game-1"})) << "two clients are on it";
  house.clients.clear();
  house.seconds(4);
  EXPECT_FALSE(house.host.runs({"game-1"}));
}

TEST(Control, a_replaced_instance_leaves_only_when_another_serves_in_its_stead) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(6);
  AdminCall replace;
  replace.verb = AdminCall::Verb::replace;
  replace.instance = "game-1";
  ASSERT_TRUE(house.control->ask(replace));
  EXPECT_TRUE(house.host.runs({"game-1"}));
  EXPECT_TRUE(house.views.back().instances.at(0).open) << "it takes clients until then";
  for (int k = 0; k < 12; ++k) {
    house.second();
    EXPECT_GE(house.serving("game"), 2);
  }
  EXPECT_FALSE(house.host.runs({"game-1"}));
  EXPECT_TRUE(house.host.runs({"game-2"}));
  EXPECT_TRUE(house.host.runs({"game-3"}));
}

TEST(Control, down_stops_those_that_need_others_first_and_then_says_so) {
  ClusterSpec redis = cluster("redis", 1, 1), lobby = cluster("lobby", 2, 2);
  lobby.needs = {"redis"};
  House house(stack_of({redis, lobby}));
  house.start();
  house.seconds(6);
  house.clients = {{"lobby-1", 3}};
  AdminCall down;
  down.verb = AdminCall::Verb::down;
  ASSERT_TRUE(house.control->ask(down));
  house.seconds(10);
  EXPECT_TRUE(house.host.runs({"redis-1"}));
  EXPECT_TRUE(house.host.runs({"lobby-1"}));
  EXPECT_FALSE(house.host.runs({"lobby-2"}));
  house.clients.clear();
  house.seconds(10);
  EXPECT_EQ(house.alive(), 0);
  EXPECT_TRUE(house.is_down);
}

TEST(Control, after_a_finished_down_the_next_start_serves_and_an_unfinished_one_goes_on) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(5);
  house.clients = {{"game-1", 3}};
  AdminCall scale;
  scale.verb = AdminCall::Verb::scale;
  scale.cluster = "game";
  scale.number = 4;
  ASSERT_TRUE(house.control->ask(scale));
  AdminCall down;
  down.verb = AdminCall::Verb::down;
  ASSERT_TRUE(house.control->ask(down));
  house.seconds(10);
  house.crash();
  house.start();
  house.seconds(5);
  EXPECT_EQ(house.alive(), 1) << "game-1 has clients, and nothing is started beside it";
  house.clients.clear();
  house.seconds(10);
  EXPECT_TRUE(house.is_down);
  house.crash();
  house.is_down = false;
  house.start();
  house.seconds(5);
  EXPECT_EQ(house.serving("game"), 2);
  EXPECT_FALSE(house.is_down);
}

TEST(Control, a_removed_cluster_that_the_file_names_again_at_the_next_start_serves) {
  House house(stack_of({cluster("game", 1, 1), cluster("chat", 1, 1)}));
  house.start();
  house.seconds(5);
  house.edited = stack_of({cluster("game", 1, 1)});
  AdminCall apply;
  apply.verb = AdminCall::Verb::apply;
  ASSERT_TRUE(house.control->ask(apply));
  house.seconds(10);
  EXPECT_FALSE(house.host.runs({"chat-1"}));
  house.crash();
  house.start();
  house.seconds(5);
  EXPECT_EQ(house.serving("chat"), 1);
}

TEST(Control, an_edited_file_shows_the_difference_and_restarts_only_what_it_must) {
  House house(stack_of({cluster("game", 2, 4), cluster("lobby", 1, 2)}));
  house.start();
  house.seconds(6);
  house.edited = stack_of({cluster("game", 2, 6), cluster("chat", 1, 1)});
  AdminCall apply;
  apply.verb = AdminCall::Verb::apply;
  const Json answer = Json::parse(*house.control->ask(apply));
  EXPECT_EQ(answer["difference"], (Json{"game: instances.max 4 -> 6", "chat: added",
                                        "lobby: removed, its instances drain"}));
  house.seconds(10);
  EXPECT_EQ(house.serving("chat"), 1);
  EXPECT_FALSE(house.host.runs({"lobby-1"}));
  EXPECT_TRUE(house.host.runs({"game-1"}));
}

TEST(Control, unknown_names_are_answered_with_the_nearest_known) {
  House house(stack_of({cluster("game", 1, 1)}));
  house.start();
  AdminCall call;
  call.verb = AdminCall::Verb::explain;
  call.cluster = "gane";
  const auto answer = house.control->ask(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().what, "there is no cluster `gane`; did you mean `game`?");
}

// A show of 100 people on instances of 10, from the fifth minute on for ten.
Stack with_a_show() {
  ClusterSpec game = cluster("game", 2, 20);
  game.capacity = 10;
  ShowRule show{
      .show = "final", .at = {}, .zone = {}, .ready_by = 1min, .people = 100, .freeze = true};
  show.at.once = LocalMinute{std::chrono::minutes{5}};
  show.lasts = 10min;
  game.settle = 30s;
  game.scale = {{"show final", show}};
  return stack_of({game});
}

TEST(Control, a_show_is_made_ready_kept_and_given_back_and_each_turn_is_recorded) {
  House house(with_a_show());
  house.clock.step_wall(WallTime{} - house.clock.wall());
  house.start();
  house.seconds(30);
  EXPECT_EQ(house.serving("game"), 2);
  house.seconds(230);
  EXPECT_EQ(house.serving("game"), 10);
  house.seconds(50);
  AdminCall apply;
  apply.verb = AdminCall::Verb::apply;
  house.edited = with_a_show();
  house.edited.clusters[0].instances_max = 21;
  const auto refused = house.control->ask(apply);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "show final is on air until 1970-01-01 00:15 UTC, and nothing is changed meanwhile: "
            "wait, or say --override-freeze, which is recorded");
  house.seconds(590);
  EXPECT_EQ(house.serving("game"), 10);
  house.seconds(300);
  EXPECT_EQ(house.serving("game"), 2);
  std::vector<std::string> turns;
  for (const Activity& a : house.store.all_activities())
    if (a.kind.starts_with("show")) turns.push_back(a.kind + ": " + a.because.substr(0, 24));
  EXPECT_EQ(turns, (std::vector<std::string>{
                       "show: final preparing: no go: ", "show_go: final ready: go: 10 of 1",
                       "show: final on air: go: 10 of ", "show: final over: over, and do"}));
}

TEST(Control, without_the_powers_it_says_what_it_would_do_and_does_nothing) {
  Stack stack = stack_of({cluster("game", 2, 4)});
  stack.powers = {.place = true, .launch = false, .drain = false, .heal = false};
  House house(stack);
  house.start();
  house.seconds(30);
  EXPECT_EQ(house.serving("game"), 0);
  int said = 0;
  for (const Activity& a : house.store.all_activities()) {
    EXPECT_NE(a.phase, Activity::Phase::intent) << a.kind;
    said += a.kind == "withheld" && a.because.starts_with("launch game-1: ");
  }
  EXPECT_EQ(said, 1) << "once, not each second";
  house.edited = stack_of({cluster("game", 2, 4)});
  AdminCall apply;
  apply.verb = AdminCall::Verb::apply;
  const Json answer = Json::parse(*house.control->ask(apply));
  EXPECT_EQ(answer["difference"],
            Json{"powers: observe, place -> observe, place, launch, drain, heal"});
  int handed_over = 0;
  for (const Activity& a : house.store.all_activities())
    handed_over += a.kind == "powers" && a.by == "operator" &&
                   a.because == "observe, place -> observe, place, launch, drain, heal";
  EXPECT_EQ(handed_over, 1);
  house.seconds(10);
  EXPECT_EQ(house.serving("game"), 2);
  // A file that was edited while nobody ran it is noticed too.
  house.crash();
  house.stack = stack_of({cluster("game", 2, 4)});
  house.stack.powers.heal = false;
  house.start();
  EXPECT_EQ(house.store.all_activities().back().because,
            "observe, place, launch, drain, heal -> observe, place, launch, drain");
}

// Others run the instances: they are known by news, and a `down` is only the end of our watching.
TEST(Control, with_provider_observe_it_forgets_and_touches_nothing) {
  Stack stack = stack_of({cluster("game", 1, 4)});
  stack.provider = ProviderKind::observe;
  stack.powers = {.place = true, .launch = false, .drain = false, .heal = false};
  House house(stack);
  house.start();
  house.find("game", "10.0.0.5:3000", {"10.0.0.5", 3000});
  house.seconds(3);
  ASSERT_EQ(house.serving("game"), 1);
  AdminCall order;
  order.verb = AdminCall::Verb::drain;
  order.instance = "game-1";
  EXPECT_FALSE(house.control->ask(order));
  house.clients["game-1"] = 40;
  house.seconds(3);
  // Who does not answer is sent nobody, and nothing else is done about it.
  EXPECT_TRUE(house.views.back().instances[0].open);
  house.frozen_ids = {"game-1"};
  house.seconds(90);
  EXPECT_FALSE(house.views.back().instances[0].open);
  house.frozen_ids.clear();
  house.seconds(2);
  EXPECT_TRUE(house.views.back().instances[0].open);
  AdminCall down;
  down.verb = AdminCall::Verb::down;
  EXPECT_TRUE(house.control->ask(down));
  house.seconds(2);
  const Activity last = house.store.all_activities().back();
  EXPECT_EQ(last.kind, "forgotten");
  EXPECT_EQ(last.cut, std::nullopt);
  EXPECT_TRUE(house.is_down);
  EXPECT_TRUE(house.teller.told.empty());
  for (const std::string& call : house.provider->calls())
    EXPECT_FALSE(call.starts_with("stop") || call.starts_with("launch")) << call;
}

TEST(Control, a_day_that_has_cost_its_cap_launches_nothing_beyond_min) {
  Stack stack = stack_of({cluster("game", 2, 8)});
  stack.price = {.instance_hour = 1, .currency = "USD", .cap_per_day = 1.0};
  House house(stack);
  house.start();
  AdminCall scale;
  scale.verb = AdminCall::Verb::scale;
  scale.cluster = "game", scale.number = 4;
  ASSERT_TRUE(house.control->ask(scale));
  house.seconds(1000);
  EXPECT_EQ(house.serving("game"), 4) << "4 for 1,000 s: 1.11";
  house.host.die({"game-1"}, "killed by signal 9");
  house.seconds(20);
  EXPECT_EQ(house.serving("game"), 3);
  EXPECT_EQ(std::string(house.status()["clusters"][0]["held_back"]).substr(0, 42),
            "cap_per_day 1 USD: the last 24 hours cost ");
  for (const char* id : {"game-2", "game-3"}) house.host.die({id}, "killed by signal 9");
  house.seconds(20);
  EXPECT_EQ(house.serving("game"), 2) << "`min` is kept whatever it costs";
}

}  // namespace utakata
