#include "realtime/channel/sync_channels.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace utakata::realtime {
namespace {

class SyncChannelsTest : public testing::Test {
 protected:
  SyncChannelsTest() {
    sync_.on_wait([this] { ++waits_; });
  }
  void join() {
    sync_.join(
        {.precedes = [](Process one, Process other) { return one < other; },
         .say =
             [this](const std::string& channel, const std::string& key, const std::string* value) {
               to_others_ += channel + " " + key + (value ? "=" + *value : " gone") + ";";
             }});
  }
  std::string tick(Instant now, int ticks_per_second = 20) {
    std::string told;
    sync_.tick(now, ticks_per_second,
               {.has_readers = [this](const std::string& channel) { return channel != unread_; },
                .say =
                    [&](const std::string& channel, const std::string& changed) {
                      told += channel + " " + changed + ";";
                      on_say_();
                    }});
    return told;
  }
  std::string to_others() { return std::exchange(to_others_, {}); }

  Instant now_{1h};
  int waits_ = 0;
  std::string to_others_, unread_;
  std::function<void()> on_say_ = [] {};
  SyncChannels sync_{SyncLimits{.keys_of_owner = 2}};
};

TEST_F(SyncChannelsTest, ticks_are_so_many_a_second_and_none_is_due_while_nothing_changes) {
  EXPECT_FALSE(sync_.due());
  EXPECT_TRUE(sync_.put("a", {{"ann", "1"}}, 1));
  EXPECT_TRUE(sync_.put("b", {{"bob", "1"}}, 2));
  EXPECT_EQ(waits_, 1) << "that something waits is said once";
  EXPECT_LE(*sync_.due(), now_) << "the first at once";
  EXPECT_EQ(tick(now_), "a {\"ann\":1};b {\"bob\":1};");
  EXPECT_FALSE(sync_.due());
  EXPECT_TRUE(sync_.put("a", {{"ann", "1"}}, 1));
  EXPECT_FALSE(sync_.due()) << "it is as it was";
  EXPECT_TRUE(sync_.put("a", {{"ann", "2"}}, 1));
  EXPECT_EQ(waits_, 2);
  EXPECT_EQ(*sync_.due(), now_ + 50ms);
  EXPECT_EQ(tick(now_ + 49ms), "");
  EXPECT_EQ(tick(now_ + 60ms), "a {\"ann\":2};");
  EXPECT_TRUE(sync_.put("a", {{"ann", "3"}}, 1));
  EXPECT_EQ(*sync_.due(), now_ + 100ms) << "in step, though the last was late";
  EXPECT_EQ(tick(now_ + 1s), "a {\"ann\":3};");
  EXPECT_TRUE(sync_.put("a", {{"ann", "4"}}, 1));
  EXPECT_EQ(*sync_.due(), now_ + 1050ms) << "what was missed is not made up for";
}

// A client may read a thousand channels.
TEST_F(SyncChannelsTest, all_channels_together_are_bounded_and_what_goes_makes_room) {
  SyncChannels sync(SyncLimits{.bytes_of_all = 10});
  EXPECT_TRUE(sync.put("a", {{"k", "12345"}}, 1));
  EXPECT_TRUE(sync.put("b", {{"k", "123"}}, 1));
  EXPECT_EQ(sync.put("c", {{"k", "1"}}, 2).error().kind, Problem::Kind::refused);
  EXPECT_EQ(sync.whole("c"), "{}");
  sync.leaves(1, "b");
  EXPECT_TRUE(sync.put("c", {{"k", "1"}}, 2));
}

TEST_F(SyncChannelsTest, what_is_refused_ends_a_put_and_what_came_before_is_done) {
  const auto put = sync_.put("a", {{"x", "1"}, {"y", "2"}, {"z", "3"}, {"x", "null"}}, 1);
  EXPECT_EQ(put.error().kind, Problem::Kind::refused);
  EXPECT_EQ(tick(now_), "a {\"x\":1,\"y\":2};");
  EXPECT_TRUE(sync_.put("a", {{"x", "null"}, {"z", "3"}}, 1));
  EXPECT_EQ(tick(now_ + 1s), "a {\"x\":null,\"z\":3};");
  EXPECT_EQ(sync_.put("b", {{"", "1"}}, 1).error().kind, Problem::Kind::refused);
  EXPECT_EQ(tick(now_ + 2s), "");
  EXPECT_FALSE(sync_.due());
  EXPECT_EQ(sync_.whole("b"), "{}");
}

TEST_F(SyncChannelsTest, others_are_told_at_ticks_what_was_put_here_and_all_of_it_when_they_ask) {
  join();
  EXPECT_TRUE(sync_.put("a", {{"x", "1"}, {"y", "1"}}, 1));
  EXPECT_TRUE(sync_.put("a", {{"x", "2"}}, 1));
  sync_.put_elsewhere(7, "a", "z", "7");
  sync_.put_elsewhere(7, "b", "z", "8");
  unread_ = "b";
  EXPECT_EQ(to_others(), "");
  EXPECT_EQ(tick(now_), "a {\"x\":2,\"y\":1,\"z\":7};");
  EXPECT_EQ(to_others(), "a x=2;a y=1;");
  EXPECT_EQ(sync_.whole("b"), "{\"z\":8}") << "for who comes first";
  std::string own, theirs;
  sync_.each_own([&](const auto& channel, const auto& key, const auto& value) {
    own += channel + " " + key + "=" + value + ";";
  });
  sync_.each_elsewhere(
      7, [&](const auto& channel, const auto& key) { theirs += channel + " " + key + ";"; });
  EXPECT_EQ(own, "a x=2;a y=1;");
  EXPECT_EQ(theirs, "a z;b z;");
  sync_.leaves(1, "a");
  sync_.remove_elsewhere(7, "a", "z");
  sync_.remove_elsewhere(7, "nowhere", "z");
  EXPECT_EQ(tick(now_ + 1s), "a {\"x\":null,\"y\":null,\"z\":null};");
  EXPECT_EQ(to_others(), "a x gone;a y gone;");
  sync_.forget(7);
  EXPECT_EQ(tick(now_ + 2s), "");
  EXPECT_FALSE(sync_.due());
  EXPECT_EQ(sync_.whole("b"), "{}");
}

TEST_F(SyncChannelsTest, who_is_told_may_leave_because_of_it) {
  join();
  EXPECT_TRUE(sync_.put("a", {{"x", "1"}}, 1));
  EXPECT_TRUE(sync_.put("b", {{"x", "1"}}, 1));
  on_say_ = [this] { sync_.leaves(1, "a"), sync_.leaves(1, "b"); };
  EXPECT_EQ(tick(now_), "a {\"x\":1};");
  on_say_ = [] {};
  EXPECT_EQ(waits_, 2);
  EXPECT_EQ(tick(now_ + 1s), "a {\"x\":null};");
  EXPECT_FALSE(sync_.due());
}

}  // namespace
}  // namespace utakata::realtime
