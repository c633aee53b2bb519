// The parent's side and that of workers, on one loop, over true socketpairs.
#include "realtime/host/switchboard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/run_until.h"
#include "realtime/host/host_bus.h"

namespace utakata::realtime {
namespace {

struct TestWorker {
  std::vector<std::string> heard{};  // "channel:offset body", "reaches", "cut", "gone"
  std::vector<std::string> orders{};
  std::vector<std::pair<std::string, net::Descriptor>> handed{};
  HostBus::Answer later{};  // of its last order
  bool answers = true;
  std::unique_ptr<HostBus> bus{};
};

class SwitchboardTest : public testing::Test {
 protected:
  TestWorker& start(std::size_t index) {
    auto ends = make_link_ends();
    auto& worker = workers[index];
    worker = {};
    board->connect(index, std::move(ends->first));
    HostBus::HostCalls calls;
    calls.parent_gone = [&worker] { worker.heard.emplace_back("gone"); };
    calls.handed_over = [&worker](std::string_view bytes, net::Descriptor descriptor) {
      worker.handed.emplace_back(bytes, std::move(descriptor));
    };
    calls.ordered = [&worker, index](std::string_view text, HostBus::Answer answer) {
      worker.orders.emplace_back(text);
      if (worker.answers) answer(fmt::format("{} by {}", text, index));
      worker.later = answer;
    };
    worker.bus = std::make_unique<HostBus>(loop, std::move(ends->second), calls);
    return worker;
  }
  TestWorker& join(std::size_t index) {
    auto& worker = start(index);
    worker.bus->join(
        {.heard =
             [&worker](const BusWord& word) {
               worker.heard.push_back(
                   fmt::format("{}:{} {}", word.channel, word.position.offset, word.body));
             },
         .reaches = [&worker](bool yes) { worker.heard.emplace_back(yes ? "reaches" : "cut"); }});
    return worker;
  }
  bool until(const std::function<bool()>& holds) { return net::run_until(loop, holds); }
  void open(SwitchboardLimits limits = {}) {
    board.emplace(
        loop, [this] { return std::to_string(++epochs); },
        Switchboard::Calls{
            .asked =
                [this](std::size_t worker, std::string_view text, Switchboard::Answer answer) {
                  if (text == "silence")
                    silent = std::move(answer);
                  else
                    answer(fmt::format("{} to {}", text, worker));
                },
            .gave_up = [this](std::size_t worker, const std::string&,
                              Duration grace) { gave_up.push_back({worker, grace}); }},
        limits);
  }
  void SetUp() override { open(); }

  using Heard = std::vector<std::string>;
  net::Loop loop;
  Switchboard::Answer silent;  // never given by the parent itself
  int epochs = 0;
  struct GivenUp {
    std::size_t worker;
    Duration grace;
  };
  std::vector<GivenUp> gave_up;
  std::optional<Switchboard> board;
  std::map<std::size_t, TestWorker> workers;
};

TEST_F(SwitchboardTest, one_publishes_then_all_hear_it_itself_too_but_not_within_the_call) {
  auto& one = join(1);
  auto& two = join(2);
  ASSERT_TRUE(until([&] { return one.heard.size() + two.heard.size() == 2; }));
  one.bus->publish("t", "a", "first", BusKeeps{});
  two.bus->publish("t", "a", "plain", std::nullopt);
  EXPECT_EQ(one.heard.size(), 1u);
  ASSERT_TRUE(until([&] { return one.heard.size() + two.heard.size() == 6; }));
  EXPECT_EQ(one.heard, two.heard) << "in one order";
  EXPECT_EQ(one.heard.front(), "reaches");
  EXPECT_NE(std::ranges::find(one.heard, "a:1 first"), one.heard.end());
  EXPECT_NE(std::ranges::find(one.heard, "a:0 plain"), one.heard.end());
}

TEST_F(SwitchboardTest, one_that_joins_late_is_told_what_is_kept_before_it_reaches) {
  auto& one = join(1);
  for (const char* body : {"x", "y", "z"}) one.bus->publish("t", "a", body, BusKeeps{.count = 2});
  ASSERT_TRUE(until([&] { return one.heard.size() == 4; }));
  auto& two = join(2);
  ASSERT_TRUE(until([&] { return two.heard.size() == 3; }));
  EXPECT_EQ(two.heard, (Heard{"a:2 y", "a:3 z", "reaches"}));
}

TEST_F(SwitchboardTest, bodies_up_to_16_mib_are_heard_and_larger_ones_refused) {
  auto& one = join(1);
  const std::string body(HostBus::publication_bytes_max - 2, 'x');
  EXPECT_TRUE(one.bus->publish("t", "a", body, BusKeeps{}));
  EXPECT_FALSE(one.bus->publish("t", "ab", body, BusKeeps{}));
  ASSERT_TRUE(until([&] { return one.heard.size() == 2; }));
  EXPECT_EQ(one.heard.back().size(), body.size() + 4);
}

TEST_F(SwitchboardTest, too_much_waits_to_be_sent_then_more_is_refused_until_it_is_sent) {
  auto ends = make_link_ends();
  board->connect(1, std::move(ends->first));
  HostBus bus(loop, std::move(ends->second), {}, {.link = {.waiting_bytes = 100'000}});
  std::size_t heard = 0;
  bus.join({.heard = [&](const BusWord&) { ++heard; }, .reaches = [](bool) {}});
  const std::string body(10'000, 'x');
  std::size_t taken = 0;
  while (taken < 100 && bus.publish("t", "a", body, std::nullopt)) ++taken;
  EXPECT_EQ(taken, 9u);
  EXPECT_TRUE(until([&] { return heard == taken; }));
  EXPECT_TRUE(bus.publish("t", "a", body, std::nullopt));
  EXPECT_TRUE(until([&] { return heard == taken + 1; }));
}

TEST_F(SwitchboardTest, the_parent_ends_then_workers_are_cut_off_and_told_once) {
  auto& one = join(1);
  auto& two = start(2);
  ASSERT_TRUE(until([&] { return one.heard.size() == 1; }));
  board.reset();
  ASSERT_TRUE(until([&] { return one.heard.size() == 3 && two.heard.size() == 1; }));
  EXPECT_EQ(one.heard, (Heard{"reaches", "cut", "gone"}));
  EXPECT_EQ(two.heard, Heard{"gone"});
  EXPECT_FALSE(one.bus->publish("t", "a", "x", std::nullopt));
}

TEST_F(SwitchboardTest, a_worker_ends_then_it_is_given_up_and_one_in_its_place_hears_all) {
  auto& one = join(1);
  one.bus->publish("t", "a", "kept", BusKeeps{});
  ASSERT_TRUE(until([&] { return one.heard.size() == 2; }));
  one.bus.reset();
  ASSERT_TRUE(until([&] { return !gave_up.empty(); }));
  EXPECT_EQ(gave_up.at(0).worker, 1u);
  EXPECT_GT(gave_up.at(0).grace, 0s) << "it may be ending as it should";
  EXPECT_EQ(board->workers(), 0u);
  auto& next = join(1);
  ASSERT_TRUE(until([&] { return next.heard.size() == 2; }));
  EXPECT_EQ(next.heard, (Heard{"a:1 kept", "reaches"}));
}

TEST_F(SwitchboardTest, a_worker_does_not_read_then_it_is_given_up_and_the_others_hear_on) {
  open({.link = {.waiting_bytes = 500'000}});
  auto ends = make_link_ends();
  board->connect(9, std::move(ends->first));
  const auto join_frames = encode({.kind = Envelope::Kind::join});
  ASSERT_GT(write(ends->second.get(), join_frames->data(), join_frames->size()), 0);
  auto& one = join(1);
  ASSERT_TRUE(until([&] { return one.heard.size() == 1; }));
  const std::string body(50'000, 'x');
  std::size_t said = 0;
  const auto timer = loop.every(1ms, [&] { said += one.bus->publish("t", "a", body, {}); });
  EXPECT_TRUE(until([&] { return !gave_up.empty(); }));
  loop.cancel(timer);
  EXPECT_EQ(gave_up.at(0).worker, 9u);
  EXPECT_EQ(gave_up.at(0).grace, 0s);
  EXPECT_TRUE(until([&] { return one.heard.size() == said + 1; }));
  EXPECT_EQ(gave_up.size(), 1u);
}

TEST_F(SwitchboardTest, a_connection_is_handed_over_then_the_other_worker_has_it) {
  auto& one = start(1);
  auto& two = start(2);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const net::Descriptor reader{ends[0]};
  const std::string bytes("GET / HTTP/1.1\r\n\0x", 18);
  EXPECT_TRUE(one.bus->hand_over(2, bytes, net::Descriptor{ends[1]}));
  ASSERT_TRUE(until([&] { return two.handed.size() == 1; }));
  EXPECT_EQ(two.handed[0].first, bytes);
  ASSERT_EQ(write(two.handed[0].second.get(), "!", 1), 1);
  char said = 0;
  EXPECT_EQ(read(reader.get(), &said, 1), 1);

  two.handed.clear();
  EXPECT_EQ(read(reader.get(), &said, 1), 0) << "nobody else has kept it";
}

TEST_F(SwitchboardTest, handed_over_to_nobody_then_it_is_closed) {
  auto& one = start(1);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const net::Descriptor reader{ends[0]};
  one.bus->hand_over(7, "x", net::Descriptor{ends[1]});
  char said = 0;
  EXPECT_TRUE(until([&] { return read(reader.get(), &said, 1) == 0; }));
}

TEST_F(SwitchboardTest, a_worker_asks_then_the_parents_answer_comes_to_it) {
  auto& one = start(1);
  auto& two = start(2);
  Heard answers;
  const auto note = [&](std::optional<std::string_view> text) {
    answers.emplace_back(text.value_or("none"));
  };
  one.bus->ask("stats", note);
  two.bus->ask("lease", note);
  EXPECT_TRUE(answers.empty());
  ASSERT_TRUE(until([&] { return answers.size() == 2; }));
  std::ranges::sort(answers);
  EXPECT_EQ(answers, (Heard{"lease to 2", "stats to 1"}));
}

TEST_F(SwitchboardTest, the_parent_does_not_answer_then_who_asked_is_told_so) {
  start(1);
  auto ends = make_link_ends();
  board->connect(2, std::move(ends->first));
  HostBus patient(loop, std::move(ends->second), {}, {.answer_within = 50ms});
  int answers = 0, nones = 0;
  const auto note = [&](std::optional<std::string_view> text) { ++(text ? answers : nones); };
  patient.ask("silence", note);
  EXPECT_TRUE(until([&] { return nones == 1; }));
  board.reset();
  ASSERT_TRUE(until([&] { return workers[1].heard == Heard{"gone"}; }));
  workers[1].bus->ask("x", note);
  EXPECT_EQ(nones, 1) << "never within the call";
  EXPECT_TRUE(until([&] { return nones == 2; }));
  EXPECT_EQ(answers, 0);
}

TEST_F(SwitchboardTest, the_parent_answers_who_is_gone_then_who_came_in_its_place_hears_nothing) {
  start(1).bus->ask("silence", [](auto) { FAIL() << "it is gone"; });
  ASSERT_TRUE(until([&] { return !!silent; }));
  const auto late = std::move(silent);
  silent = nullptr;
  Heard answers;
  const auto note = [&](std::optional<std::string_view> text) {
    answers.emplace_back(text.value_or("none"));
  };
  auto& next = start(1);
  next.bus->ask("silence", note);
  ASSERT_TRUE(until([&] { return !!silent; }));
  late("too late");
  next.bus->ask("again", note);
  ASSERT_TRUE(until([&] { return !answers.empty(); }));
  silent("in time");
  ASSERT_TRUE(until([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers, (Heard{"again to 1", "in time"}));
  board.reset();
  silent("after its end");
}

TEST_F(SwitchboardTest, an_order_is_given_then_the_answers_of_all_are_gathered) {
  for (const std::size_t index : {1, 2, 3}) start(index);
  workers[2].answers = false;
  std::optional<Switchboard::Answers> answers;
  board->order("drain", [&](auto all) { answers = std::move(all); });
  EXPECT_FALSE(answers);
  ASSERT_TRUE(until([&] { return !!workers[2].later; }));
  workers[2].later("late but in time");
  ASSERT_TRUE(until([&] { return !!answers; }));
  EXPECT_EQ(*answers,
            (Switchboard::Answers{{1, "drain by 1"}, {2, "late but in time"}, {3, "drain by 3"}}));
  board->order("told");
  EXPECT_TRUE(until([&] { return workers[3].orders.size() == 2; }));
}

TEST_F(SwitchboardTest, one_does_not_answer_or_ends_then_it_is_left_out) {
  open({.answer_within = 100ms});
  for (const std::size_t index : {1, 2, 3}) start(index);
  workers[2].answers = false;
  std::vector<Switchboard::Answers> answers;
  const auto note = [&](Switchboard::Answers all) { answers.push_back(std::move(all)); };
  board->order("x", note);
  ASSERT_TRUE(until([&] { return answers.size() == 1; }));
  EXPECT_EQ(answers[0], (Switchboard::Answers{{1, "x by 1"}, {3, "x by 3"}}));
  workers[2].later("too late");

  open({.answer_within = 1h});
  for (const std::size_t index : {1, 2}) start(index);
  workers[2].answers = false;
  board->order("y", note);
  ASSERT_TRUE(until([&] { return !workers[2].orders.empty(); }));
  workers[2].bus.reset();
  ASSERT_TRUE(until([&] { return answers.size() == 2; })) << "it is not waited for";
  EXPECT_EQ(answers[1], (Switchboard::Answers{{1, "y by 1"}}));
  workers[2].later("after its end");

  open();
  board->order("to nobody", note);
  EXPECT_EQ(answers.size(), 2u);
  ASSERT_TRUE(until([&] { return answers.size() == 3; }));
  EXPECT_TRUE(answers[2].empty());
}

}  // namespace
}  // namespace utakata::realtime
