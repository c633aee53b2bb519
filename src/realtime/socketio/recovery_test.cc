// A client goes for a while and comes again, to a tenant with timelines.
#include "realtime/socketio/recovery.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "realtime/socketio/app.h"

namespace utakata::realtime {
namespace {

struct Heard final : SocketIoOut {
  void say(ClientSlot client, const std::string& text) override {
    by_client[client] += text + "\n";
  }
  void say_all(std::string_view, Readers clients, const std::string& text,
               std::span<const std::string>, std::optional<ClientSlot> but, bool) override {
    for (const ClientSlot client : *clients)
      if (client != but) say(client, text);
  }
  void end(ClientSlot client, const std::string&) override { say(client, "ended"); }
  std::map<ClientSlot, std::string> by_client;
};

class RecoveryTest : public testing::Test {
 protected:
  // Client 1 is sid 1, pid 2, and reads news and sport.
  RecoveryTest() {
    open(1, "0");
    for (const std::string channel : {"news", "sport"})
      app_.says(1, fmt::format(R"(2["subscribe","{}"])", channel), now_);
  }
  std::string open(ClientSlot client, const std::string& connect) {
    out_.by_client[client].clear();
    app_.opens(client, now_);
    app_.says(client, connect, now_);
    return out_.by_client[client];
  }
  std::string again(ClientSlot client, const std::string& offset) {
    return open(client, fmt::format(R"(0{{"pid":"2","offset":"{}"}})", offset));
  }
  void publish(const std::string& channel, int data, const std::string& but_sid = {}) {
    const auto message = std::make_shared<const Message>(
        Message{.event = "said", .data = std::to_string(data), .but = but_sid});
    const Position position = channels_.publish(channel, message, now_);
    app_.hears(channel, *message, position, app_.client_of(but_sid));
  }
  static std::string said(const std::string& channel, int data, int serial) {
    return fmt::format("2[\"said\",{},{{\"channel\":\"{}\"}},\"0-{}\"]\n", data, channel, serial);
  }
  const std::string same_ = "0{\"sid\":\"1\",\"pid\":\"2\"}\n";

  Instant now_{1h};
  Heard out_;
  int random_ = 0;
  Channels channels_{{.has_timelines = true, .timeline = {.count = 3}},
                     [] { return std::string("e"); }};
  SocketIoApp app_{
      {.key = {"key", "secret"}},
      {},
      channels_,
      out_,
      {[this] { return std::to_string(random_++); }, [this] { return std::to_string(random_++); }},
      {.publish = [](auto, auto&&, const Sender&) { return true; }}};
};

TEST_F(RecoveryTest, who_comes_again_hears_what_it_missed_on_all_its_channels_in_order) {
  publish("news", 1), publish("sport", 2), publish("news", 3);
  EXPECT_EQ(out_.by_client[1],
            same_ + said("news", 1, 1) + said("sport", 2, 2) + said("news", 3, 3));
  app_.leaves(1, now_);
  now_ += 1min;
  publish("sport", 4), publish("other", 5), publish("news", 6);
  EXPECT_EQ(again(5, "0-2"), same_ + said("news", 3, 3) + said("sport", 4, 4) + said("news", 6, 6));
  publish("news", 7);
  EXPECT_TRUE(out_.by_client[5].ends_with(said("news", 7, 7))) << "it reads its channels again";
  EXPECT_EQ(app_.client_of("1"), 5u);
}

TEST_F(RecoveryTest, who_had_heard_nothing_hears_all_since_its_first_connect) {
  app_.leaves(1, now_);
  publish("news", 1);
  EXPECT_EQ(open(5, R"(0{"pid":"2"})"), same_ + said("news", 1, 1));
}

TEST_F(RecoveryTest, nothing_is_told_of_before_a_subscription_nor_of_what_it_sent_itself) {
  publish("late", 1);
  app_.says(1, R"(2["subscribe","late"])", now_);
  publish("news", 2, "1"), publish("late", 3);
  app_.leaves(1, now_);
  EXPECT_EQ(again(5, "0-0"), same_ + said("late", 3, 3));
}

TEST_F(RecoveryTest, a_former_connection_that_is_still_there_is_cut) {
  publish("news", 1), publish("news", 2);
  EXPECT_EQ(again(5, "0-1"), same_ + said("news", 2, 2));
  EXPECT_TRUE(out_.by_client[1].ends_with("ended\n"));
  app_.leaves(1, now_);
  EXPECT_EQ(app_.client_of("1"), 5u) << "that the old one goes harms nothing";
}

TEST_F(RecoveryTest, who_was_away_for_too_long_begins_anew) {
  app_.leaves(1, now_);
  now_ += 2min + 1ms;
  EXPECT_EQ(again(5, "0-0"), "0{\"sid\":\"3\",\"pid\":\"4\"}\n");
  EXPECT_EQ(channels_.readers_count("news"), 0u);
}

TEST_F(RecoveryTest, who_missed_more_than_a_timeline_keeps_begins_anew) {
  app_.leaves(1, now_);
  for (int i = 1; i <= 4; ++i) publish("news", i);
  EXPECT_EQ(again(5, "0-0"), "0{\"sid\":\"3\",\"pid\":\"4\"}\n");
}

TEST_F(RecoveryTest, an_offset_that_we_did_not_give_begins_anew) {
  for (const std::string offset : {"0-", "0-1", "0-a", "0-0x", "0--1", "0-99999999999999999999"}) {
    open(1, "0");
    const std::string pid = std::to_string(random_ - 1);
    app_.leaves(1, now_);
    const std::string answer =
        open(5, fmt::format(R"(0{{"pid":"{}","offset":"{}"}})", pid, offset));
    EXPECT_EQ(answer, fmt::format("0{{\"sid\":\"{}\",\"pid\":\"{}\"}}\n", random_ - 2, random_ - 1))
        << offset;
    EXPECT_NE(std::to_string(random_ - 1), pid);
    app_.leaves(5, now_);
  }
}

TEST_F(RecoveryTest, a_quiet_client_is_recovered_however_much_was_said_on_other_channels) {
  publish("news", 1);
  now_ += 10min;
  channels_.expire(now_);
  for (int i = 2; i <= 9; ++i) publish("other", i);
  app_.leaves(1, now_);
  publish("other", 10), publish("news", 11);
  EXPECT_EQ(again(5, "0-1"), same_ + said("news", 11, 11));
  EXPECT_TRUE(channels_.reads(5, "sport"));
}

TEST_F(RecoveryTest, what_it_sent_itself_is_not_missed_when_it_is_not_kept_any_more) {
  publish("news", 1);
  for (int i = 2; i <= 5; ++i) publish("news", i, "1");
  app_.leaves(1, now_);
  publish("sport", 6);
  EXPECT_EQ(again(5, "0-1"), same_ + said("sport", 6, 6));
}

TEST_F(RecoveryTest, what_was_forgotten_before_it_went_does_not_matter) {
  publish("other", 1);
  now_ += 31min;
  channels_.expire(now_);
  EXPECT_EQ(channels_.timeline("other"), nullptr);
  app_.leaves(1, now_);
  EXPECT_EQ(channels_.timeline("news"), nullptr);
  EXPECT_EQ(open(5, R"(0{"pid":"2"})"), same_);
}

TEST_F(RecoveryTest, of_a_channel_that_is_forgotten_nobody_knows_what_was_missed) {
  channels_.limit({.kept_channels = 1, .has_timelines = true, .timeline = {.count = 3}});
  app_.leaves(1, now_);
  publish("news", 1), publish("sport", 2);  // both are read by nobody: the elder is forgotten
  EXPECT_EQ(channels_.timeline("news"), nullptr);
  EXPECT_EQ(again(5, "0-0"), "0{\"sid\":\"3\",\"pid\":\"4\"}\n");
}

TEST_F(RecoveryTest, who_brings_an_offset_of_elsewhere_has_got_nothing_here) {
  app_.leaves(1, now_);
  publish("news", 1);
  EXPECT_EQ(again(5, "elsewhere-77"), same_ + said("news", 1, 1));
}

TEST_F(RecoveryTest, who_said_goodbye_or_what_is_no_packet_begins_anew) {
  app_.says(1, "1", now_);
  app_.leaves(1, now_);
  EXPECT_EQ(again(5, "0-0"), "0{\"sid\":\"3\",\"pid\":\"4\"}\n");
  app_.says(5, "abc", now_);
  app_.leaves(5, now_);
  EXPECT_EQ(open(6, R"(0{"pid":"4","offset":"0-0"})"), "0{\"sid\":\"5\",\"pid\":\"6\"}\n");
}

TEST(Recovery, forgets_who_is_away_for_the_longest_where_too_many_are) {
  Recovery recovery({.clients = 2}, "e");
  const Instant now{1h};
  for (int i = 0; i < 3; ++i)
    recovery.leaves({.space = "/", .sid = "s", .pid = std::to_string(i)}, now + i * 1s);
  EXPECT_FALSE(recovery.take("0", "/", now + 3s));
  EXPECT_FALSE(recovery.take("1", "/other", now + 3s)) << "of another namespace";
  EXPECT_TRUE(recovery.take("1", "/", now + 3s));
  EXPECT_FALSE(recovery.take("1", "/", now + 3s)) << "once";
  EXPECT_EQ(recovery.take_all(now + 3s).size(), 1u);
  EXPECT_TRUE(recovery.has_nobody());
}

TEST(Recovery, forgets_who_is_away_for_the_longest_where_they_read_too_much_together) {
  Recovery recovery({.bytes = 100'000}, "e");
  const Instant now{1h};
  const auto leaves = [&](int i) {
    RecoverySeat seat{.space = "/", .sid = "s", .pid = std::to_string(i)};
    for (int k = 0; k < 100; ++k) seat.channels.push_back({std::string(200, 'x')});
    recovery.leaves(std::move(seat), now + i * 1s);
  };
  for (int i = 0; i < 1000; ++i) leaves(i);
  EXPECT_FALSE(recovery.take("990", "/", now + 1000s));
  EXPECT_TRUE(recovery.take("999", "/", now + 1000s));
  EXPECT_TRUE(recovery.take("998", "/", now + 1000s));
  for (int i = 1000; i < 1002; ++i) leaves(i);
  EXPECT_TRUE(recovery.take("1000", "/", now + 1002s)) << "who was taken makes room";
}

TEST(Recovery, that_is_off_keeps_nobody) {
  Recovery recovery({.away = 0s}, "e");
  recovery.leaves({.space = "/", .sid = "s", .pid = "p"}, Instant{1h});
  EXPECT_FALSE(recovery.take("p", "/", Instant{1h}));
}

}  // namespace
}  // namespace utakata::realtime
