// What many days came to: what was broken, and how thoroughly the promises were put to the test.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/result.h"

namespace utakata {

// The promises by name, in order; the last is of whole days.
std::vector<std::string> promise_names();
inline constexpr std::size_t kPromisesMax = 24;

struct DayReport {  // plain bytes: it crosses a pipe whole
  std::uint64_t seed = 0;
  bool is_begun = false;  // and no more than that
  std::int64_t tested[kPromisesMax] = {};
  SimStruck struck{};
  char broken[600] = {};  // the first one; empty: none
};

class Tally {
 public:
  void add(const DayReport& day);
  std::int64_t days() const { return days_; }
  std::int64_t broken() const { return broken_; }
  std::string table() const;
  // What was met too seldom: a promise's precondition in fewer than 5 % of the days, a fault in a
  // lifecycle in fewer than 1 % of them. A sentence each.
  std::vector<std::string> missing() const;

 private:
  std::int64_t days_ = 0, broken_ = 0;
  std::int64_t met_[kPromisesMax] = {};
  SimStruck struck_{};
};

}  // namespace utakata
