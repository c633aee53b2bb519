// How many users there have to be in a closed model, in which each begins anew when it is done.
// Pure: times are since the start.
//
// The number goes in straight lines, and a user comes or goes when the line has reached a whole
// one: up it is rounded down, down it is rounded up. Before the start and from the end on there are
// none (who is still busy then is asked to end; that is the caller's).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/instant.h"
#include "load/pacing/part.h"

namespace utakata::load {

struct PopulationStage {
  Duration duration{};  // 0: nothing of it is seen
  std::int64_t from = 0, to = 0;
  bool operator==(const PopulationStage&) const = default;
};

class Population {
 public:
  static constexpr std::int64_t users_max = 10'000'000;

  // Users are 0 to users_max, durations not negative; together they may reach Duration::max().
  explicit Population(const std::vector<PopulationStage>& stages, Part part = {});

  std::int64_t at(Duration t) const;      // of this part; those of all parts add up to all_at(t)
  std::int64_t all_at(Duration t) const;  // O(log stages)
  // When at() is first another than at(t), after t; nothing: never. O(stages)
  std::optional<Duration> next_change(Duration t) const;
  std::int64_t highest() const;  // of all, ever
  Duration end() const { return stages_.empty() ? Duration{} : stages_.back().end; }

 private:
  struct Stage {
    Duration begin{}, end{};  // begin < end; the end belongs to the next
    std::int64_t from = 0, to = 0;
    std::int64_t users_at(Duration t) const;
  };
  std::vector<Stage>::const_iterator stage_at(Duration t) const;  // that, or the first that comes

  std::vector<Stage> stages_;
  Part part_;
};

}  // namespace utakata::load
