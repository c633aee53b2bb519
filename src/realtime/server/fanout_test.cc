#include "realtime/server/fanout.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <numeric>

namespace utakata::realtime {
namespace {

Readers readers(ClientSlot count) {
  auto list = std::make_shared<std::vector<ClientSlot>>(count);
  std::iota(list->begin(), list->end(), 0);
  return list;
}
Frame frame(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

class FanoutTest : public testing::Test {
 protected:
  std::map<ClientSlot, std::string> got_;
  int sends_ = 0;
  Fanout fanout_{[this](ClientSlot client, const Frame& sent, Topic, Twin&) {
                   ++sends_;
                   got_[client] += *sent;
                 },
                 10};
};

TEST_F(FanoutTest, a_few_get_it_at_once_and_nothing_waits) {
  fanout_.publish("news", readers(10), frame("a"), 3);
  EXPECT_EQ(got_.size(), 9u);
  EXPECT_FALSE(got_.contains(3)) << "who sent it";
  EXPECT_FALSE(fanout_.is_busy());
  fanout_.publish("nobody", nullptr, frame("a"));
  EXPECT_FALSE(fanout_.go_on());
}

TEST_F(FanoutTest, many_get_it_in_slices_and_another_channel_has_its_turn_between) {
  fanout_.publish("big", readers(25), frame("a"));
  EXPECT_EQ(sends_, 10);
  fanout_.publish("small", readers(1), frame("b"));
  EXPECT_EQ(got_[0], "ab") << "it did not wait for the big one";
  EXPECT_TRUE(fanout_.go_on());
  EXPECT_FALSE(fanout_.go_on());
  EXPECT_EQ(sends_, 26);
}

TEST_F(FanoutTest, slices_are_as_long_as_their_time_allows) {
  Fanout fanout([](ClientSlot, const Frame&, Topic, Twin&) {});
  EXPECT_EQ(fanout.slice_size(), Fanout::kSlice);
  for (int k = 0; k < 3; ++k) fanout.took(2300us);
  EXPECT_EQ(fanout.slice_size(), 300u * 3 / 4 * 3 / 4 * 3 / 4);
  fanout.took(1ms);
  EXPECT_EQ(fanout.slice_size(), 300u * 3 / 4 * 3 / 4 * 3 / 4) << "that is what it should take";
  for (int k = 0; k < 30; ++k) fanout.took(10ms);
  EXPECT_EQ(fanout.slice_size(), Fanout::kSliceLeast);
  for (int k = 0; k < 30; ++k) fanout.took(100us);
  EXPECT_EQ(fanout.slice_size(), Fanout::kSlice);
}

TEST_F(FanoutTest, what_is_said_meanwhile_goes_out_joined_and_in_order) {
  const Readers all = readers(25);
  fanout_.publish("big", all, frame("a"));
  for (const char* word : {"b", "c", "d"}) fanout_.publish("big", all, frame(word));
  while (fanout_.go_on()) {
  }
  for (const auto& [client, text] : got_) EXPECT_EQ(text, "abcd") << client;
  EXPECT_EQ(sends_, 50) << "b, c and d were one send";
}

TEST_F(FanoutTest, a_twin_is_of_one_message_for_all_its_readers_whatever_slices_they_are_in) {
  int made = 0;
  std::string got;
  Fanout fanout(
      [&](ClientSlot client, const Frame& sent, Topic, Twin& twin) {
        if (!twin.frame) ++made, twin.frame = frame("(" + *sent + ")");
        if (client == 24) got += *twin.frame;
      },
      10);
  const Readers all = readers(25);
  for (const char* word : {"a", "b", "c"}) fanout.publish("big", all, frame(word));
  fanout.publish("other", all, frame("X"));
  while (fanout.go_on()) {
  }
  EXPECT_EQ(made, 3) << "b and c were one send";
  EXPECT_TRUE(got == "(a)(X)(bc)" || got == "(a)(bc)(X)") << got;
}

TEST_F(FanoutTest, what_is_not_for_all_is_not_joined) {
  const Readers all = readers(25);
  fanout_.publish("big", all, frame("a"));
  fanout_.publish("big", all, frame("b"), 7);
  fanout_.publish("big", all, frame("c"));
  while (fanout_.go_on()) {
  }
  EXPECT_EQ(got_[7], "ac");
  EXPECT_EQ(got_[8], "abc");
}

TEST_F(FanoutTest, who_leaves_meanwhile_gets_no_more_even_if_its_slot_is_another_s) {
  const Readers all = readers(25);
  fanout_.publish("big", all, frame("a"));
  fanout_.publish("big", all, frame("b"));
  fanout_.leaves(5);
  fanout_.leaves(20);
  fanout_.publish("small", std::make_shared<const std::vector<ClientSlot>>(1, 20), frame("n"));
  while (fanout_.go_on()) {
  }
  EXPECT_EQ(got_[5], "a") << "it had that already";
  EXPECT_EQ(got_[20], "n") << "the newcomer's own";
  EXPECT_EQ(got_[21], "ab");
}

TEST_F(FanoutTest, what_waits_is_counted_and_above_its_bound_whoever_publishes_pays_at_once) {
  const std::string large(1'000'000, 'x');
  Fanout fanout([this](ClientSlot, const Frame&, Topic, Twin&) { ++sends_; }, 10);
  fanout.publish("big", readers(25), frame("first"));
  EXPECT_GT(fanout.waiting_bytes(), 25 * sizeof(ClientSlot));
  for (int i = 0; i < 10; ++i) fanout.publish("big", readers(25), frame(large));
  EXPECT_FALSE(fanout.is_full());
  for (int i = 0; i < 10; ++i) fanout.publish("big", readers(25), frame(large));
  EXPECT_TRUE(fanout.is_full());
  EXPECT_EQ(sends_, 10) << "the first's first slice";
  for (int i = 0; i < 80; ++i) fanout.publish("big", readers(25), frame(large));
  EXPECT_LE(fanout.waiting_bytes(), Fanout::kMostBytes);
  EXPECT_GE(sends_, 60 * 25) << "what is above the bound was sent";
  while (fanout.is_busy()) fanout.go_on();
  EXPECT_EQ(sends_, 101 * 25);
  EXPECT_EQ(fanout.waiting_bytes(), 0u);
}

TEST_F(FanoutTest, what_waits_counts_the_lists_of_readers_too_where_each_has_its_own) {
  const Readers all = readers(250'000);
  fanout_.publish("big", all, frame("a"));
  for (int i = 0; i < 40; ++i) fanout_.publish("big", all, frame("a"));
  EXPECT_FALSE(fanout_.is_full()) << "one list";
  for (int i = 0; i < 40; ++i) fanout_.publish("big", readers(250'000), frame("a"));
  EXPECT_TRUE(fanout_.is_full());
  EXPECT_LE(fanout_.waiting_bytes(), Fanout::kMostBytes);
}

// Whatever is published when, to whom: each reader gets each channel's messages once, in order.
TEST(FanoutLaws, nothing_is_lost_doubled_or_out_of_order) {
  EXPECT_TRUE(rc::check([] {
    std::map<std::pair<ClientSlot, char>, std::string> got, want;  // by reader and channel
    Fanout fanout(
        [&](ClientSlot client, const Frame& sent, Topic, Twin&) {
          for (std::size_t i = 0; i < sent->size(); i += 2)  // channel, then word
            got[{client, (*sent)[i]}] += (*sent)[i + 1];
        },
        *rc::gen::inRange<std::size_t>(1, 8));
    char word = 'a';
    for (int i = *rc::gen::inRange(0, 40); i > 0; --i) {
      if (*rc::gen::inRange(0, 2) == 0) {
        fanout.go_on();
        continue;
      }
      const char channel = *rc::gen::element('X', 'Y');
      const auto who = *rc::gen::element(readers(3), readers(9), readers(20));
      const auto but = *rc::gen::element<std::optional<ClientSlot>>(std::nullopt, 0, 5);
      fanout.publish(std::string(1, channel), who, frame({channel, word}), but);
      for (const ClientSlot client : *who)
        if (client != but) want[{client, channel}] += word;
      word = word == 'z' ? 'a' : char(word + 1);
    }
    while (fanout.is_busy()) fanout.go_on();
    RC_ASSERT(got == want);
  }));
}

}  // namespace
}  // namespace utakata::realtime
