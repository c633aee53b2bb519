// What of all that comes from Redis is told, and in which order: what is kept by its offsets,
// nothing twice. In a gap, live words wait until what is kept has been read; so they do while a
// hole in a timeline is filled.
//
// Twice can come: what was read and comes live, and what a process sent again since it did not know
// that it was done. The first is seen by its place on the timeline. The second by the number that
// its process gave it: those rise as the process' words come live, and in each channel's timeline.
//
// Pure; one thread. Memory: `waiting_bytes`; one entry for each channel of
// which something is kept, until a minute after its age; one for each of 4096 processes heard last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "realtime/bus/bus.h"
#include "realtime/redis/envelope.h"
#include "realtime/redis/names.h"

namespace utakata::realtime {

class RedisHearing {
 public:
  struct Hole {
    std::string words;  // the key where what is missing is to be read
    Position before;    // up to here
  };
  // `tell` may do anything but call this.
  RedisHearing(const RedisNames& names, std::size_t waiting_bytes,
               std::function<void(const BusWord&)> tell)
      : names_(names), waiting_bytes_max_(waiting_bytes), tell_(std::move(tell)) {}

  void begin_gap();  // what waits is forgotten; what comes waits
  // False: more than `waiting_bytes` wait. What is not an envelope is dropped and counted.
  bool live(std::string_view bytes, Instant now);
  // What was read of `words`, in its order; nullopt: no word of that channel's.
  std::optional<Position> kept(const std::string& words, std::string_view bytes, Instant now);
  void end_gap(Instant now);  // all that is kept was given to kept(): what waits is told

  // The place from which on a timeline is not known here; offset 0: from its beginning.
  Position known(const std::string& words) const;
  // What keeps back all that comes: to be read and given to kept(), then hole_filled().
  const std::optional<Hole>& hole() const { return hole_; }
  void hole_filled(Instant now);

  void forget(Instant now);  // to be called now and then; O(what is forgotten)
  std::size_t dropped() const { return dropped_; }
  std::size_t channels() const { return timelines_.size(); }

 private:
  using Numbers = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // process, its last
  struct Timeline {
    Position last;
    Numbers numbers;  // of those who spoke last, 32 at most
    Instant forget_at{};
  };
  struct Process {
    std::uint64_t number = 0;
    std::uint64_t heard = 0;  // counts up
  };
  bool is_hole(const std::string& words, const RedisEnvelope& envelope) const;
  bool is_waiting(const std::string& words, const RedisEnvelope& envelope) const;
  void drain(Instant now);
  void take_kept(const std::string& words, const RedisEnvelope& envelope, Instant now);
  void take_plain(const RedisEnvelope& envelope);
  void tell(const RedisEnvelope& envelope);
  Timeline& timeline(const std::string& words, const RedisEnvelope& envelope, Instant now);

  const RedisNames& names_;
  const std::size_t waiting_bytes_max_;
  const std::function<void(const BusWord&)> tell_;
  bool is_gap_ = true;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  // In a gap: where the waiting words of a timeline begin.
  std::unordered_map<std::string, std::vector<Position>> waiting_from_;
  std::optional<Hole> hole_;  // the first that waits is behind it
  std::unordered_map<std::string, Timeline> timelines_;
  std::multimap<Instant, std::string> forget_at_;  // one for each timeline, perhaps too early
  std::unordered_map<std::uint64_t, Process> processes_;
  std::uint64_t heard_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace utakata::realtime
