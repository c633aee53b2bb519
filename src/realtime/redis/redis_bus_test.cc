#include "realtime/redis/redis_bus.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "realtime/redis/envelope.h"
#include "realtime/redis/names.h"
#include "realtime/redis/redis_for_tests.h"

namespace utakata::realtime {
namespace {

using bus_contract::Process;
using bus_contract::Texts;

const RedisNames names("utakata");

#define CONTRACT(law)             \
  TEST(RedisBusContract, law) {   \
    RedisClusterForTests cluster; \
    bus_contract::law(cluster);   \
  }
CONTRACT(hears_all_in_one_order)
CONTRACT(says_what_was_said)
CONTRACT(kept_words_have_a_place)
CONTRACT(who_joins_later_hears_what_is_kept_and_then_live)
CONTRACT(what_is_too_old_is_forgotten_with_its_epoch)
CONTRACT(what_was_said_in_a_gap_comes_after_it)
CONTRACT(may_end_at_any_time)
#undef CONTRACT

TEST(RedisBusContract, too_much_that_waits_is_refused) {
  RedisClusterForTests cluster({.waiting_bytes = 64 * 1024});
  bus_contract::too_much_that_waits_is_refused(cluster, 64 * 1024);
}

TEST(RedisBus, passwords_and_databases_are_used) {
  RedisClusterForTests cluster({}, "hush");
  auto address = cluster.redis.address();
  address.database = 3;
  RedisBus bus(cluster.loop, {.address = address});
  bool reaches = false;
  std::string heard;
  bus.join({.heard = [&](const BusWord& word) { heard = word.body; },
            .reaches = [&](bool now) { reaches = now; }});
  EXPECT_TRUE(bus.publish("shop", "room", "kept", BusKeeps{}));
  EXPECT_TRUE(cluster.run_until([&] { return heard == "kept"; }));
  EXPECT_TRUE(reaches);
  EXPECT_FALSE(bus.trouble());
  EXPECT_EQ(cluster.redis.ask({"DBSIZE"}), "0");

  address.password = "wrong";
  RedisBus stranger(cluster.loop, {.address = address});
  stranger.join({});
  EXPECT_TRUE(cluster.run_until([&] { return stranger.trouble().has_value(); }));
  EXPECT_NE(stranger.trouble()->what.find("AUTH"), std::string::npos) << stranger.trouble()->what;
}

TEST(RedisBus, keys_are_bounded_by_count_and_age) {
  RedisClusterForTests cluster;
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(a.say("room", "x", BusKeeps{.count = 10, .age = 60s}));
  EXPECT_EQ(a.heard(30).size(), 30u);
  EXPECT_EQ(cluster.redis.ask({"XLEN", names.words("shop", "room")}), "10");
  for (const auto& key : {names.words("shop", "room"), names.place("shop", "room")}) {
    const int left = std::stoi("0" + cluster.redis.ask({"PTTL", key}));
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 60'000);
  }
  EXPECT_EQ(cluster.redis.ask({"PTTL", names.serial("shop")}), "-1");
  EXPECT_EQ(cluster.redis.ask({"GET", names.serial("shop")}), "30");
}

TEST(RedisBus, a_frozen_redis_is_a_gap_and_nothing_comes_twice) {
  RedisClusterForTests cluster({.patience = {.ask_every = 100ms, .answer_within = 400ms}});
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  EXPECT_TRUE(a.say("room", "0", BusKeeps{}));
  EXPECT_EQ(a.heard(1).size(), 1u);
  EXPECT_EQ(b.heard(1).size(), 1u);
  cluster.redis.freeze();
  Texts all{"0"};
  for (int i = 1; i <= 40; ++i) {  // they lie in its socket and will be sent again
    all.push_back(std::to_string(i));
    EXPECT_TRUE(a.say("room", all.back(), BusKeeps{}));
  }
  EXPECT_TRUE(cluster.run_until([&] { return !a.reaches() && !b.reaches(); }));
  EXPECT_TRUE(a.say("room", "41", BusKeeps{}));
  all.push_back("41");
  cluster.redis.thaw();
  EXPECT_TRUE(a.joined() && b.joined());
  EXPECT_TRUE(b.say("room", "end", BusKeeps{}));
  for (auto* process : {&a, &b}) {
    EXPECT_TRUE(cluster.run_until([&] {
      const auto bodies = process->bodies(1);
      return bodies.size() >= 43;
    }));
    std::uint64_t offset = 0;
    auto bodies = process->bodies(43);
    std::erase(bodies, "end");
    EXPECT_EQ(bodies, all);
    for (const auto& one : process->heard(43)) EXPECT_EQ(one.position.offset, ++offset);
  }
  EXPECT_EQ(cluster.redis.ask({"GET", names.serial("shop")}), "43");
}

TEST(RedisBus, a_subscriber_that_is_cut_again_and_again_hears_all_that_is_kept_once) {
  RedisClusterForTests cluster;
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  Texts kept;
  for (int round = 0; round < 5; ++round) {
    EXPECT_NE(cluster.redis.ask({"CLIENT", "KILL", "TYPE", "pubsub"}), "0");
    for (int i = 0; i < 60; ++i) {
      kept.push_back(std::to_string(kept.size()));
      EXPECT_TRUE(a.say("room", kept.back(), BusKeeps{.count = 1'000}));
      EXPECT_TRUE(b.say("plain", "p" + kept.back()));
      if (i % 10 == 0) cluster.run_until([n = 0]() mutable { return n++ > 2; });
    }
    EXPECT_TRUE(cluster.run_until([&] { return a.gaps() > round && b.gaps() > round; }));
    EXPECT_TRUE(a.joined() && b.joined());
  }
  EXPECT_TRUE(a.say("end", "end"));
  for (auto* process : {&a, &b}) {
    EXPECT_TRUE(cluster.run_until([&] {
      const auto bodies = process->bodies(1);
      return !bodies.empty() && bodies.back() == "end";
    }));
    Texts room, plain;
    for (const auto& one : process->heard(1)) {
      if (one.channel == "room") {
        room.push_back(one.body);
        EXPECT_EQ(one.position.offset, room.size());
      } else if (one.channel == "plain") {
        plain.push_back(one.body);
      }
    }
    EXPECT_EQ(room, kept);
    int last = -1;  // some may be lost; none comes twice, none before its time
    for (const auto& body : plain) {
      EXPECT_GT(std::stoi(body.substr(1)), last);
      last = std::stoi(body.substr(1));
    }
  }
}

TEST(RedisBus, a_command_connection_that_is_cut_loses_nothing_that_was_taken) {
  RedisClusterForTests cluster;
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(a.say("room", std::to_string(i), BusKeeps{.count = 1'000}));
    if (i % 100 == 50) cluster.redis.ask({"CLIENT", "KILL", "TYPE", "normal"});
  }
  for (auto* process : {&a, &b}) {
    const auto heard = process->heard(500);
    EXPECT_EQ(heard.size(), 500u);
    for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i].body, std::to_string(i));
  }
}

TEST(RedisBus, scripts_that_were_flushed_are_loaded_again) {
  RedisClusterForTests cluster;
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  EXPECT_EQ(cluster.redis.ask({"SCRIPT", "FLUSH"}), "OK");
  EXPECT_TRUE(a.say("room", "1", BusKeeps{}));
  EXPECT_TRUE(a.say("room", "2", BusKeeps{}));
  EXPECT_EQ(a.bodies(2), (Texts{"1", "2"}));
}

TEST(RedisBus, what_a_stranger_says_on_our_channels_is_dropped) {
  RedisClusterForTests cluster;
  RedisBus bus(cluster.loop, {.address = cluster.redis.address()});
  Texts heard;
  bus.join({.heard = [&](const BusWord& word) { heard.emplace_back(word.body); }});
  EXPECT_TRUE(bus.publish("shop", "room", "1", BusKeeps{}));
  EXPECT_TRUE(cluster.run_until([&] { return heard.size() == 1; }));
  const auto good = redis_envelope_bytes({.process = 1, .number = 1, .body = "x"});
  for (const auto& bytes :
       {std::string(), std::string("hello"), std::string(70'000, '\xff'), good.substr(0, 30)})
    EXPECT_EQ(cluster.redis.ask({"PUBLISH", names.slot(5), bytes}), "1");
  EXPECT_TRUE(bus.publish("shop", "room", "2", std::nullopt));
  EXPECT_TRUE(cluster.run_until([&] { return heard.size() == 2; }));
  EXPECT_EQ(heard, (Texts{"1", "2"}));
  EXPECT_EQ(bus.dropped(), 4u);

  // Keys that are called like ours and are not stop nobody who joins.
  cluster.redis.ask({"SET", names.words("shop", "text"), "x"});
  cluster.redis.ask({"SET", names.place("shop", "text"), "x"});
  cluster.redis.ask({"HSET", names.place("shop", "odd"), "epoch", "e"});
  cluster.redis.ask({"XADD", names.words("shop", "odd"), "1-0", "w", good});
  cluster.redis.ask(
      {"SADD", names.places(), names.place("shop", "text"), names.place("shop", "odd"), "x"});
  Process late(cluster);
  EXPECT_TRUE(late.joined());
  EXPECT_EQ(late.bodies(1), Texts{"1"});
}

TEST(RedisBus, a_hole_in_a_timeline_is_filled_before_what_is_behind_it) {
  RedisClusterForTests cluster;
  Process a(cluster), b(cluster);
  ASSERT_TRUE(a.joined() && b.joined());
  EXPECT_TRUE(a.say("room", "1", BusKeeps{}));
  const auto first = a.heard(1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(b.heard(1).size(), 1u);
  // Kept by somebody, but never said: 2 to 150.
  const auto words = names.words("shop", "room");
  RedisEnvelope envelope{.process = 77,
                         .age_ms = 300'000,
                         .epoch = first[0].position.epoch,
                         .tenant = "shop",
                         .channel = "room"};
  for (std::uint64_t offset = 2; offset <= 150; ++offset) {
    const auto body = std::to_string(offset);
    envelope.number = envelope.offset = envelope.serial = offset;
    envelope.body = body;
    cluster.redis.ask(
        {"XADD", words, fmt::format("{}-0", offset), "w", redis_envelope_bytes(envelope)});
  }
  cluster.redis.ask({"HSET", names.place("shop", "room"), "offset", "150"});
  EXPECT_TRUE(a.say("room", "151", BusKeeps{.count = 1'000}));
  EXPECT_TRUE(a.say("room", "152"));
  for (auto* process : {&a, &b}) {
    const auto bodies = process->bodies(152);
    EXPECT_EQ(bodies.size(), 152u);
    for (std::size_t i = 0; i < bodies.size(); ++i) EXPECT_EQ(bodies[i], std::to_string(i + 1));
    EXPECT_EQ(process->gaps(), 0);
  }
}

TEST(RedisBus, what_is_said_while_what_is_kept_is_read_waits_for_its_turn) {
  RedisClusterForTests cluster;
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  Process b(cluster);
  ASSERT_TRUE(b.joined());
  const auto clients = cluster.redis.ask({"CLIENT", "LIST", "TYPE", "pubsub"});
  const auto id = clients.rfind("\nid=");  // the younger one: b's
  ASSERT_NE(id, std::string::npos) << clients;
  EXPECT_EQ(cluster.redis.ask(
                {"CLIENT", "KILL", "ID", std::to_string(std::stoi(clients.substr(id + 4)))}),
            "1");
  EXPECT_TRUE(cluster.run_until([&] { return b.gaps() == 1; }));
  std::size_t said = 0;
  const auto say = [&](int times) {
    for (; times > 0; --times, ++said)
      EXPECT_TRUE(a.say("room-" + std::to_string(said % 400), "x", BusKeeps{.count = 1'000}));
  };
  say(800);
  EXPECT_TRUE(cluster.run_until([&] {
    say(20);  // on channels that were read and on channels that were not
    return b.reaches();
  }));
  EXPECT_EQ(a.gaps(), 0);
  for (auto* process : {&a, &b}) {
    std::map<std::string, std::uint64_t> last;
    const auto heard = process->heard(said);
    EXPECT_EQ(heard.size(), said);
    for (const auto& one : heard) EXPECT_EQ(one.position.offset, ++last[one.channel]);
  }
}

TEST(RedisBus, many_channels_are_all_read_by_who_joins) {
  RedisClusterForTests cluster;
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(a.say("room-" + std::to_string(i), "x", BusKeeps{}));
  EXPECT_EQ(a.heard(2'000).size(), 2'000u);
  Process late(cluster);
  EXPECT_TRUE(late.joined());
  EXPECT_EQ(late.heard(1).size(), 2'000u);
  EXPECT_EQ(late.heard_in_gaps(), 2'000);
}

TEST(RedisBus, channels_that_have_expired_are_forgotten_by_who_keeps_and_by_who_joins) {
  RedisClusterForTests cluster;
  Process a(cluster);
  ASSERT_TRUE(a.joined());
  const auto places = [&] { return std::stoi("0" + cluster.redis.ask({"SCARD", names.places()})); };
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(a.say("room-" + std::to_string(i), "x", BusKeeps{}));
  EXPECT_EQ(a.heard(100).size(), 100u);
  EXPECT_EQ(places(), 100);
  for (int i = 0; i < 100; ++i) {
    const auto room = "room-" + std::to_string(i);
    cluster.redis.ask({"DEL", names.place("shop", room), names.words("shop", room)});
  }
  std::size_t said = 100;
  EXPECT_TRUE(cluster.run_until([&] {
    EXPECT_TRUE(a.say("new-" + std::to_string(said++), "x", BusKeeps{.count = 1, .age = 1ms}));
    return places() < 50;
  }));
  EXPECT_TRUE(a.say("room", "alive", BusKeeps{}));
  EXPECT_EQ(a.heard(said + 1).size(), said + 1);
  // Of the room: place and words; of the tenant: serial and sent; and the places.
  EXPECT_TRUE(cluster.run_until([&] { return cluster.redis.ask({"DBSIZE"}) == "5"; }));
  Process late(cluster);
  EXPECT_TRUE(late.joined());
  EXPECT_EQ(late.bodies(1), Texts{"alive"});
  EXPECT_EQ(places(), 1);
}

TEST(RedisBus, a_redis_that_is_not_there_yet_is_waited_for) {
  RedisClusterForTests cluster;
  cluster.cut();
  Process a(cluster);
  EXPECT_TRUE(a.say("room", "early"));
  cluster.run_until([n = 0]() mutable { return n++ > 100; });
  EXPECT_FALSE(a.reaches());
  EXPECT_EQ(a.gaps(), 0);
  cluster.mend();
  EXPECT_EQ(a.bodies(1), Texts{"early"});
}

}  // namespace
}  // namespace utakata::realtime
