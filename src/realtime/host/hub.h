// What the workers of one host publish gets its place here, and is kept for those who join later.
// Pure; `now` never goes back. Who holds the connections to the workers sends what it is given.
//
// Of a channel the newest are kept, as many and for as long as its newest publication says. All of
// a channel is forgotten together: what comes after begins a new epoch, at offset 1. Beyond the
// bounds the channel that would be forgotten soonest is forgotten at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "realtime/bus/bus.h"
#include "realtime/host/envelope.h"

namespace utakata::realtime {

struct HubLimits {
  // Of one channel; its newest is kept whatever it has. A worker's own timelines keep no more.
  std::size_t channel_count = 10'000;
  std::size_t channel_bytes = 1024 * 1024;
  std::size_t bytes = 256 * 1024 * 1024;  // of all, what it costs to hold them included
};

class Hub {
 public:
  using Worker = std::size_t;
  // `random`: a text unlike any before, for epochs.
  Hub(HubLimits limits, std::function<std::string()> random)
      : limits_(limits), random_(std::move(random)) {}

  // What it is to be sent before all that is published from now on: what is kept, in the order in
  // which it was published, and that it has caught up. Nothing: it has joined already.
  std::vector<Encoded> join(Worker worker, Instant now);
  void leave(Worker worker) { workers_.erase(worker); }
  // What all of workers() are to be sent, whoever published it. nullptr: it is too large, and was
  // not published. O(log of the channels that are kept).
  struct Publication {
    std::string_view tenant, channel, body;
    std::optional<BusKeeps> keeps{};
  };
  Encoded publish(const Publication& what, Instant now);
  const std::set<Worker>& workers() const { return workers_; }

  void expire(Instant now);  // the others do, too
  std::size_t channels() const { return channels_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    std::uint64_t serial;
    Encoded word;
  };
  using Turn = std::pair<Instant, std::uint64_t>;  // when it is forgotten; its newest's serial
  struct Channel {
    std::string epoch;
    std::uint64_t last = 0;  // offset of its newest
    std::deque<Kept> kept{};
    std::size_t bytes = 0;
    Turn turn{};
  };
  void keep(const std::string& key, const std::string& epoch, Kept kept, const BusKeeps& keeps,
            Instant now);
  void drop_oldest(Channel& channel);
  void forget(const std::string& key);

  const HubLimits limits_;
  const std::function<std::string()> random_;
  std::set<Worker> workers_;
  std::unordered_map<std::string, Channel> channels_;
  std::map<Turn, const std::string*> turns_;  // keys of channels_
  std::size_t bytes_ = 0;
  std::uint64_t serial_ = 0;  // one count for all tenants: it rises over those of each
};

}  // namespace utakata::realtime
