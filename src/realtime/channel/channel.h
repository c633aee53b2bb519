// One channel, as Channels holds it: for channels*.cc only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "realtime/channel/channels.h"

namespace utakata::realtime {

using SharedSlots = std::shared_ptr<std::vector<ClientSlot>>;  // sorted

inline bool holds(const SharedSlots& list, ClientSlot client) {
  return list && std::ranges::binary_search(*list, client);
}

struct Channels::Channel {
  struct Present {
    std::string info;  // what was heard first, as long as the user is there
    SharedSlots clients;
    std::unique_ptr<std::vector<Process>> elsewhere;  // none: only here
    bool is_here() const { return clients && !clients->empty(); }
    bool is_in(Process process) const {
      return elsewhere && std::ranges::find(*elsewhere, process) != elsewhere->end();
    }
  };
  struct Elsewhere {
    std::vector<Part> processes;
    std::size_t readers = 0;  // of all of them
  };
  std::string name;
  ChannelKind kind;
  std::array<SharedSlots, dialects> readers;
  std::map<std::string, Present> present;
  std::unique_ptr<Timeline> timeline;
  std::unique_ptr<Elsewhere> elsewhere;  // none: nobody is there
  MessagePtr last;                       // of a cache channel
  Instant last_at{}, used{};

  const std::pair<const std::string, Present>* user_of(ClientSlot client) const {
    for (const auto& one : present)
      if (holds(one.second.clients, client)) return &one;
    return nullptr;
  }
  void expire(const ChannelLimits& limits, Instant now) {
    if (timeline) timeline->expire(now);
    if (last && now - last_at >= limits.cached_for) last = nullptr;
  }
  SharedSlots& readers_in(Dialect dialect) { return readers[std::size_t(dialect)]; }
  const SharedSlots& readers_in(Dialect dialect) const { return readers[std::size_t(dialect)]; }
  std::size_t local_readers_count() const {
    std::size_t count = 0;
    for (const SharedSlots& each : readers) count += each ? each->size() : 0;
    return count;
  }
  std::size_t readers_count() const {
    return local_readers_count() + (elsewhere ? elsewhere->readers : 0);
  }
  Part* of(Process process) const {  // none: that has nothing here
    if (!elsewhere) return nullptr;
    const auto known = std::ranges::find(elsewhere->processes, process, &Part::process);
    return known == elsewhere->processes.end() ? nullptr : &*known;
  }
  // Nothing: the user is still somewhere.
  std::optional<Member> take_if_gone(std::map<std::string, Present>::iterator user) {
    if (user->second.is_here() || user->second.elsewhere) return std::nullopt;
    Member gone{user->first, std::move(user->second.info)};
    present.erase(user);
    return gone;
  }
  bool is_vacant() const { return readers_count() == 0; }
  bool is_over() const { return local_readers_count() == 0 && !elsewhere; }
  bool keeps_anything() const { return last || (timeline && timeline->size() > 0); }
};

}  // namespace utakata::realtime
