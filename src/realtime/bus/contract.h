// What every Bus must do, as tests for gtest: an implementation's own test includes this, brings a
// Cluster and calls each.
//
//   TEST(MyBus, hears_all_in_one_order) {
//     MyCluster cluster;
//     bus_contract::hears_all_in_one_order(cluster);
//   }
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "realtime/bus/bus.h"

namespace utakata::realtime::bus_contract {

class Cluster {
 public:
  virtual ~Cluster() = default;
  virtual std::unique_ptr<Bus> another() = 0;  // the bus of one more process, not yet joined
  // Lets everything go on until it holds; false: it did not within what a test may take.
  virtual bool run_until(const std::function<bool()>& holds) = 0;
  virtual void cut() = 0;   // what connects the processes dies, and forgets what it kept
  virtual void mend() = 0;  // and is there again, empty
};

struct Heard {
  std::string tenant, channel, body;
  Position position{};
  std::uint64_t serial = 0;
  bool operator==(const Heard&) const = default;
};

class Process {  // one that writes down what its bus says
 public:
  explicit Process(Cluster& cluster) : cluster_(cluster), bus_(cluster.another()) {
    bus_->join({.heard =
                    [this](const BusWord& word) {
                      EXPECT_FALSE(is_calling_) << "heard within a call";
                      heard_.push_back({.tenant = std::string(word.tenant),
                                        .channel = std::string(word.channel),
                                        .body = std::string(word.body),
                                        .position = word.position,
                                        .serial = word.serial});
                      if (!reaches_) ++heard_in_gaps_;
                    },
                .reaches =
                    [this](bool reaches) {
                      EXPECT_NE(reaches, reaches_) << "told twice";
                      reaches_ = reaches;
                      if (!reaches) ++gaps_;
                    }});
    is_calling_ = false;
  }
  bool joined() {
    return cluster_.run_until([this] { return reaches_; });
  }
  bool say(std::string_view channel, std::string_view body,
           const std::optional<BusKeeps>& keeps = std::nullopt, std::string_view tenant = "shop") {
    is_calling_ = true;
    const bool is_taken = bus_->publish(tenant, channel, body, keeps);
    is_calling_ = false;
    return is_taken;
  }
  // All that was heard, once there is as much; less: it did not come.
  std::vector<Heard> heard(std::size_t count) {
    cluster_.run_until([&] { return heard_.size() >= count; });
    return heard_;
  }
  std::vector<std::string> bodies(std::size_t count) {
    std::vector<std::string> out;
    for (const auto& one : heard(count)) out.push_back(one.body);
    return out;
  }
  void forget() { heard_.clear(); }
  bool reaches() const { return reaches_; }
  int gaps() const { return gaps_; }
  int heard_in_gaps() const { return heard_in_gaps_; }
  Bus& bus() { return *bus_; }

 private:
  Cluster& cluster_;
  bool is_calling_ = true, reaches_ = false;
  int gaps_ = 0, heard_in_gaps_ = 0;
  std::vector<Heard> heard_;
  std::unique_ptr<Bus> bus_;  // first to go: it calls into the rest
};

using Texts = std::vector<std::string>;

inline void hears_all_in_one_order(Cluster& cluster) {
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(
        a.say("room", "a" + std::to_string(i), i % 3 ? std::nullopt : std::optional(BusKeeps{})));
    EXPECT_TRUE(
        b.say("room", "b" + std::to_string(i), i % 2 ? std::nullopt : std::optional(BusKeeps{})));
  }
  const auto by_a = a.heard(400);
  EXPECT_EQ(by_a.size(), 400u);
  EXPECT_EQ(by_a, b.heard(400));
  int next_a = 0, next_b = 0;  // each one's words in the order of its saying
  for (const auto& one : by_a) {
    auto& next = one.body[0] == 'a' ? next_a : next_b;
    EXPECT_EQ(one.body.substr(1), std::to_string(next++));
  }
}

inline void says_what_was_said(Cluster& cluster) {
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += char(i);
  EXPECT_TRUE(a.say("room", bytes, std::nullopt, "ten}ant:%"));
  EXPECT_TRUE(a.say("", "", std::nullopt));
  EXPECT_TRUE(a.say("#own", bytes + bytes, BusKeeps{}));
  for (auto* process : {&a, &b}) {
    const auto heard = process->heard(3);
    ASSERT_EQ(heard.size(), 3u);
    std::map<std::string, Heard> by;
    for (const auto& one : heard) by[one.channel] = one;
    EXPECT_EQ(by["room"], (Heard{.tenant = "ten}ant:%", .channel = "room", .body = bytes}));
    EXPECT_EQ(by[""], (Heard{.tenant = "shop"}));
    EXPECT_EQ(by["#own"].body, bytes + bytes);
    EXPECT_EQ(by["#own"].position.offset, 1u);
    EXPECT_FALSE(by["#own"].position.epoch.empty());
  }
}

inline void kept_words_have_a_place(Cluster& cluster) {
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  for (int i = 0; i < 3; ++i) {
    for (const auto* channel : {"x", "y"}) {
      EXPECT_TRUE(a.say(channel, "a", BusKeeps{}));
      EXPECT_TRUE(b.say(channel, "b", BusKeeps{}));
    }
    EXPECT_TRUE(a.say("x", "elsewhere", BusKeeps{}, "other"));
    EXPECT_TRUE(a.say("x", "plain"));
  }
  for (auto* process : {&a, &b}) {
    std::map<std::string, Position> last;
    std::map<std::string, std::uint64_t> serial;
    const auto heard = process->heard(18);
    EXPECT_EQ(heard.size(), 18u);
    for (const auto& one : heard) {
      if (one.body == "plain") {
        EXPECT_EQ(one.position, Position{});
        EXPECT_EQ(one.serial, 0u);
        continue;
      }
      auto& place = last[one.tenant + "/" + one.channel];
      EXPECT_EQ(one.position.offset, place.offset + 1);
      EXPECT_FALSE(one.position.epoch.empty());
      if (place.offset > 0) {
        EXPECT_EQ(one.position.epoch, place.epoch);
      }
      place = one.position;
      EXPECT_GT(one.serial, serial[one.tenant]);
      serial[one.tenant] = one.serial;
    }
    EXPECT_EQ(last["shop/x"].offset, 6u);
    EXPECT_NE(last["shop/x"].epoch, last["other/x"].epoch);
  }
}

inline void who_joins_later_hears_what_is_kept_and_then_live(Cluster& cluster) {
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  for (int i = 0; i < 300; ++i)
    EXPECT_TRUE(a.say("room", std::to_string(i), BusKeeps{.count = 200}));
  EXPECT_TRUE(a.say("room", "plain"));
  EXPECT_EQ(a.heard(301).size(), 301u);
  Process late(cluster);
  for (int i = 300; i < 320; ++i)  // while it joins
    EXPECT_TRUE(a.say("room", std::to_string(i), BusKeeps{.count = 200}));
  ASSERT_TRUE(late.joined());
  EXPECT_TRUE(a.say("room", "live"));
  EXPECT_TRUE(cluster.run_until([&] {
    const auto heard = late.heard(1);
    return !heard.empty() && heard.back().body == "live";
  }));
  auto heard = late.heard(1);
  EXPECT_GE(heard.size(), 201u);
  heard.pop_back();
  std::uint64_t next = heard.front().position.offset;
  EXPECT_GE(next, 101u);  // of 300, 200 were kept
  EXPECT_LE(next, 121u);
  for (const auto& one : heard) {
    EXPECT_EQ(one.position.offset, next);
    EXPECT_EQ(one.body, std::to_string(next - 1));
    ++next;
  }
  EXPECT_EQ(next, 321u);
}

inline void what_is_too_old_is_forgotten_with_its_epoch(Cluster& cluster) {
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  const BusKeeps brief{.count = 10, .age = 50ms};
  EXPECT_TRUE(a.say("room", "old", brief));
  const auto old = a.heard(1);
  ASSERT_EQ(old.size(), 1u);
  std::vector<Heard> heard;
  EXPECT_TRUE(cluster.run_until([&] {  // until it begins anew; each word makes the wait longer
    const auto until = std::chrono::steady_clock::now() + 100ms;
    cluster.run_until([&] { return std::chrono::steady_clock::now() > until; });
    const auto count = a.heard(1).size() + 1;
    EXPECT_TRUE(a.say("room", "new", brief));
    heard = a.heard(count);
    return heard.back().position.offset == 1;
  }));
  EXPECT_NE(heard.back().position.epoch, old[0].position.epoch);
  EXPECT_GT(heard.back().serial, old[0].serial);
}

inline void what_was_said_in_a_gap_comes_after_it(Cluster& cluster) {
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  EXPECT_TRUE(a.say("room", "before", BusKeeps{}));
  EXPECT_EQ(a.bodies(1), Texts{"before"});
  EXPECT_EQ(b.bodies(1), Texts{"before"});
  const auto epoch = a.heard(1)[0].position.epoch;
  cluster.cut();
  EXPECT_TRUE(cluster.run_until([&] { return !a.reaches() && !b.reaches(); }));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(a.say("room", "gap" + std::to_string(i), BusKeeps{}));
  EXPECT_TRUE(a.say("room", "plain"));
  cluster.mend();
  EXPECT_TRUE(a.joined() && b.joined());
  const Texts all{"before", "gap0", "gap1", "gap2", "plain"};
  EXPECT_EQ(a.bodies(5), all);
  const auto by_b = b.heard(4);  // `plain`, too, unless it came back later than it was said
  EXPECT_GE(by_b.size(), 4u);
  for (std::size_t i = 0; i < by_b.size() && i < all.size(); ++i) EXPECT_EQ(by_b[i].body, all[i]);
  for (std::uint64_t i = 1; i <= 3 && i < by_b.size(); ++i) {
    EXPECT_EQ(by_b[i].position.offset, i);
    EXPECT_NE(by_b[i].position.epoch, epoch);
  }
  EXPECT_EQ(a.gaps(), 1);
  EXPECT_EQ(b.gaps(), 1);
}

// `bytes`: what it lets wait.
inline void too_much_that_waits_is_refused(Cluster& cluster, std::size_t bytes) {
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  cluster.cut();
  EXPECT_TRUE(cluster.run_until([&] { return !a.reaches(); }));
  const std::string body(bytes / 16, 'x');
  std::size_t taken = 0;
  while (taken < 32 && a.say("room", body)) ++taken;
  EXPECT_GE(taken, 8u);
  EXPECT_LT(taken, 17u);
  cluster.mend();
  EXPECT_TRUE(a.joined());
  EXPECT_EQ(a.heard(taken).size(), taken);
  EXPECT_TRUE(a.say("room", body));
  EXPECT_EQ(a.heard(taken + 1).size(), taken + 1);
}

inline void may_end_at_any_time(Cluster& cluster) {
  auto listener = std::make_unique<Process>(cluster);
  {
    Process never_ran(cluster);
  }
  ASSERT_TRUE(listener->joined());
  auto a = std::make_unique<Process>(cluster);
  ASSERT_TRUE(a->joined());
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(a->say("room", "x", BusKeeps{}));
  a.reset();  // with what it said under way
  listener.reset();
  Process next(cluster);
  EXPECT_TRUE(next.joined());
}

}  // namespace utakata::realtime::bus_contract
