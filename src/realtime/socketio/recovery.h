// Connection state recovery: who is away for a short while, and what it missed ("Connection state
// recovery", Socket.IO documentation). The messages themselves are those of the timelines.
// Pure; `now` never goes back.
//
// An offset is a text "epoch-number": the epoch is of this life of the tenant in this process, the
// number is Timeline::Entry::came. A client says the last one that it got, so what is told to it
// must keep the order of these numbers over all channels.
#pragma once

#include <cstdint>
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
  std::size_t bytes = 32 * 1024 * 1024;  // of what is known of those who are away, about
};

struct RecoverySubscription {
  std::string channel;
  std::optional<Member> member{};
  std::uint64_t since = 0;  // all of it that came up to then it has, or it was not for it
  std::uint64_t told = 0;   // of who is away: the last that was said to it, in that order
};

struct RecoverySeat {  // what is known of one connection to a namespace
  std::string space, sid, pid;
  std::vector<RecoverySubscription> channels{};
  std::string user{};      // who signed in there; empty: nobody
  std::uint64_t left = 0;  // of who is away: what had come when it went
  // Of one that another process left to us: it is known what its client has got only if that says
  // an offset of this epoch, from this number on. 0: whatever it says.
  std::string of_epoch{};
  std::uint64_t at_least = 0;
};

class Recovery {
 public:
  Recovery(RecoveryLimits limits, std::string epoch) : limits_(limits), epoch_(std::move(epoch)) {}
  bool is_on() const { return limits_.away > Duration::zero(); }
  const std::string& epoch() const { return epoch_; }  // unlike that of any other process
  std::string offset_of(std::uint64_t came) const { return epoch_ + "-" + std::to_string(came); }

  // To be called before it leaves its channels.
  void note_departure(RecoverySeat& seat, const Channels& channels) const;
  void leaves(RecoverySeat seat, Instant at);
  struct Away {
    RecoverySeat seat;
    Instant at{};           // when it went
    std::size_t bytes = 0;  // that it costs
  };
  // Once: whoever it was is not away any more. Nothing: nobody of that pid is, in this namespace.
  std::optional<Away> take(const std::string& pid, std::string_view space, Instant now);
  std::vector<Away> take_all(Instant now);
  bool has_nobody() const { return away_.empty(); }

  void forget(const std::string& user);  // its seats: they are away for good

  // What a seat has, by the offset that its client got last; none: it got nothing. One of another
  // epoch: it has got nothing since it is here, or that would be ours. False: it is none that we
  // gave, or it is not known what its client has.
  bool settle(RecoverySeat& seat, const std::optional<std::string>& offset,
              const Channels& channels) const;
  struct Missed {
    std::string channel, offset;
    std::uint64_t came = 0;
    MessagePtr message;
  };
  // All that the settled seat has not got, in order. Nothing: some of it is not kept any more.
  // O(what it missed) on each channel.
  std::optional<std::vector<Missed>> missed(const RecoverySeat& seat,
                                            const Channels& channels) const;
  void expire(Instant now);

 private:
  void forget_oldest();

  RecoveryLimits limits_;
  std::string epoch_;
  std::unordered_map<std::string, Away> away_;  // by pid
  std::multimap<Instant, std::string> oldest_;  // pids
  std::size_t bytes_ = 0;                       // of all who are away
};

}  // namespace utakata::realtime
