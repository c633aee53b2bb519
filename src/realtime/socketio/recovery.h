// Connection state recovery: what was said lately, by one order for all channels, and who is away
// for a short while ("Connection state recovery", Socket.IO documentation). The messages themselves
// are those of the timelines; here is only where they are. Pure; `now` never goes back.
//
// An offset is a text "epoch-serial": the serial rises by one with each message, the epoch is
// another for each life of the tenant. A client says the last one that it got, so what is told to
// it must keep the order of the serials over all channels.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/instant.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

struct RecoveryLimits {
  Duration away{2min};                   // 0: nobody is recovered
  std::size_t clients = 10'000;          // away: who has been for the longest is forgotten
  std::size_t messages = 50'000;         // 100 bytes each
  std::size_t bytes = 32 * 1024 * 1024;  // of what is known of those who are away, about
};

struct RecoverySubscription {
  std::string channel;
  std::optional<Member> member{};
  std::uint64_t since = 0;  // the last serial before it
};

struct RecoverySeat {  // what is known of one connection to a namespace
  std::string space, sid, pid;
  std::uint64_t since = 0;  // the last serial before it
  std::vector<RecoverySubscription> channels{};
  std::string user{};  // who signed in there; empty: nobody
};

class Recovery {
 public:
  Recovery(RecoveryLimits limits, std::string epoch) : limits_(limits), epoch_(std::move(epoch)) {}
  bool is_on() const { return limits_.away > Duration::zero(); }
  std::uint64_t last() const { return last_; }
  bool has_nobody() const { return away_.empty(); }

  // `position`: of the message in the timeline of its channel. `but_sid`: who sent it. Its offset.
  std::string append(std::string_view channel, const Position& position, std::string but_sid,
                     Instant now);

  void leaves(RecoverySeat seat, Instant now);
  // Once: whoever it was is not away any more. Nothing: nobody of that pid is, in this namespace.
  std::optional<RecoverySeat> take(const std::string& pid, std::string_view space, Instant now);

  void forget(const std::string& user);  // its seats: they are away for good

  struct Missed {
    std::string channel, offset;
    MessagePtr message;
  };
  // All that the seat has not got, in order. `offset`: none, it got nothing. Nothing: that offset
  // is none of ours, or some of it is not kept any more. O(messages since then).
  std::optional<std::vector<Missed>> missed(const RecoverySeat& seat,
                                            const std::optional<std::string>& offset,
                                            const Channels& channels) const;
  void expire(Instant now);

 private:
  struct Line {
    std::string channel, but_sid;
    Position position;
    Instant at{};
  };
  struct Away {
    RecoverySeat seat;
    Instant at{};
    std::size_t bytes = 0;
  };
  void forget_oldest();
  std::optional<std::uint64_t> serial_of(std::string_view offset) const;
  std::string offset_of(std::uint64_t serial) const;

  RecoveryLimits limits_;
  std::string epoch_;
  std::deque<Line> lines_;  // the newest has the serial last_
  std::uint64_t last_ = 0;
  std::unordered_map<std::string, Away> away_;  // by pid
  std::multimap<Instant, std::string> oldest_;  // pids
  std::size_t bytes_ = 0;                       // of all who are away
};

}  // namespace utakata::realtime
