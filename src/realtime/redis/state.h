// How RedisBus goes about it. For redis_bus.cc and reading.cc only.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "net/redis/redis_link.h"
#include "realtime/redis/hearing.h"
#include "realtime/redis/names.h"
#include "realtime/redis/outbox.h"
#include "realtime/redis/pair.h"
#include "realtime/redis/redis_bus.h"

namespace utakata::realtime {

struct RedisBus::State {
  using Phase = RedisPair::Phase;
  struct Reading {  // of all that is kept
    std::string cursor = "0";
    bool is_scanning = false, is_scanned = false;
    std::deque<std::string> found;  // keys of words
    int under_way = 0;              // keys of which pages are being read
    bool is_over = false;
  };

  State(net::Loop& its_loop, RedisBusSettings its_settings);
  ~State();

  // redis_bus.cc
  std::size_t greet();
  void broken(bool was_joined);
  void came(const redisReply& reply);
  void send();
  std::vector<std::string> command(const RedisOutbox::Word& word) const;
  void sent(const redisReply& reply);
  bool is_refused(const redisReply& reply);  // what an error means; may fail()

  // reading.cc
  void read();
  void scan();
  void read_page(const std::string& words, const Position& after);
  void fill_hole();
  void fill_page(const std::string& words, const Position& after);
  void ask_page(const std::string& words, const Position& after, net::RedisLink::Answer answer);
  // To where a page was kept; none: it was the last.
  std::optional<Position> take_page(const std::string& words, const redisReply& reply);

  net::Loop& loop;
  const RedisBusSettings settings;
  const RedisNames names;
  const std::uint64_t process;
  const std::string epoch;  // of timelines that this process begins, with the word's number
  Calls calls;
  RedisHearing hearing;
  RedisOutbox outbox;
  std::string keep_script, kept_script;  // their hashes
  Reading reading;
  bool is_filling = false;  // a hole
  net::Loop::TimerId forgetting = 0;
  RedisPair pair;  // the last: its calls use all of the above
};

}  // namespace utakata::realtime
