// Two connections to one Redis: one hears, one commands. When either is lost, or has not answered
// for `answer_within`, both are made anew after a back-off. Its owner says what is asked of them
// first, and what is done once all of that is confirmed. Loop thread only.
//
// A host given by name is looked up at each attempt, beside the loop, and once for both. Of its
// addresses the first of IPv4 is taken, or else the first. A lookup takes as long as the resolver
// likes; beyond `answer_within` trouble() tells of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "base/random.h"
#include "net/loop.h"
#include "net/name_lookup.h"
#include "net/redis/redis_link.h"
#include "wire/redis_address.h"

namespace utakata::realtime {

struct RedisPatience {
  Duration retry_first{100ms}, retry_most{2s};  // doubled from the one to the other
  Duration ask_every{1s}, answer_within{3s};
};

class RedisPair {
 public:
  //          dial            all confirmed           join()
  //  away ---------> dialling ------------> reading ----------> joined
  //   ^  back-off       |                     |                   |
  //   +-----------------+---------------------+-------------------+  fail()
  enum class Phase : std::uint8_t { away, dialling, reading, joined };
  struct Settings {
    wire::RedisAddress address{};
    RedisPatience patience{};
    std::string probe{};  // a channel that only this pair hears
  };
  struct Calls {
    // Both are new: `probe` and all else is subscribed to, and asked for what comes first. Says how
    // many confirmed() are to come of it; none comes within the call.
    std::function<std::size_t()> greet;
    std::function<void()> greeted;                // all confirmed: it is reading
    std::function<void(bool was_joined)> broken;  // both are gone
    std::function<void(const redisReply& error)> probe_refused;
  };
  RedisPair(net::Loop& loop, Settings settings, Calls calls);
  ~RedisPair();  // not in one of its calls; none comes after it
  RedisPair(const RedisPair&) = delete;
  RedisPair& operator=(const RedisPair&) = delete;

  void start();  // once; it calls from the next turn on
  void confirmed();
  void join();                         // from reading on
  void fail(std::string why);          // never calls anybody at once
  void refused(std::string_view why);  // for good, and it goes on: only trouble() tells of it

  Phase phase() const { return phase_; }
  bool is_away() const { return phase_ == Phase::away; }
  bool is_joined() const { return phase_ == Phase::joined; }
  // Why it is not joined, or what was refused last; `unavailable`. None: nothing is wrong.
  const std::optional<Problem>& trouble() const { return trouble_; }
  // From greet on, until it is away.
  net::RedisLink& hears() { return *hears_; }
  net::RedisLink& commands() { return *commands_; }

 private:
  void dial();
  void connect(const net::TcpAddress& at);
  void tick();
  void break_off(bool was_joined);
  Duration back_off();
  std::string place() const;

  net::Loop& loop_;
  const Settings settings_;
  const Calls calls_;
  Random random_;
  Phase phase_ = Phase::away;
  std::optional<Problem> trouble_;
  net::NameLookup lookup_;
  bool is_looking_up_ = false;
  std::unique_ptr<net::RedisLink> hears_, commands_;
  std::size_t to_confirm_ = 0;
  Instant dialled_at_{}, joined_at_{}, hears_at_{}, commands_at_{}, ticked_at_{};
  int failures_ = 0;                            // since it was joined for a while
  net::Loop::TimerId ticking_ = 0, again_ = 0;  // `again_`: to break off or to dial
};

}  // namespace utakata::realtime
