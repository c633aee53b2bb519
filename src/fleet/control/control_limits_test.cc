// What a stack file lets the loop do and spend, and what it knows beforehand: powers, shows, caps.
#include "fleet/control/house_for_tests.h"

namespace utakata {
namespace {

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
TEST(Control, what_is_withheld_is_recorded_anew_only_when_more_than_its_numbers_changes) {
  Stack stack = stack_of({cluster("game", 1, 4)});
  stack.clusters[0].settle = 1s;
  stack.clusters[0].scale = {{"forecast", FunctionRule{"forecast", 10min}}};
  House house(stack);
  house.start();
  house.seconds(5);
  house.edited = stack;
  house.edited.powers = {.place = true, .launch = false, .drain = false, .heal = false};
  AdminCall apply;
  apply.verb = AdminCall::Verb::apply;
  ASSERT_TRUE(house.control->ask(apply));
  for (int k = 0; k < 30; ++k) {  // "forecast said 1.25 0s ago", and so on
    AdminCall answer;
    answer.verb = AdminCall::Verb::answer;
    answer.cluster = "game", answer.function = "forecast", answer.want = 1.1 + 0.01 * k;
    ASSERT_TRUE(house.control->ask(answer));
    house.second();
  }
  int said = 0;
  for (const Activity& a : house.store.all_activities()) said += a.kind == "withheld";
  EXPECT_EQ(said, 1);
}

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

TEST(Control, a_lease_is_lent_anew_three_times_while_it_lasts) {
  Stack stack = stack_of({cluster("game", 1, 1), cluster("free", 1, 1)});
  stack.clusters[0].lease = 9s;
  House house(stack);
  house.start();
  house.seconds(5);
  ASSERT_EQ(house.serving("game"), 1);
  house.teller.lent.clear();
  house.seconds(9);
  ASSERT_EQ(house.teller.lent.size(), 3u);
  for (const auto& lent : house.teller.lent) {
    EXPECT_TRUE(lent.ends_with(" 9000")) << lent;
    EXPECT_EQ(lent, house.teller.lent[0]) << "of the one that has a lease";
  }
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

}  // namespace
}  // namespace utakata
