// What a cluster has cost lately, in instance-hours: what `cap_per_day` goes by. Any 24 hours, on
// the monotonic clock, in slices of an hour. Pure values; kept over restarts as text.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/instant.h"

namespace utakata {

class Spending {
 public:
  // So many are there from now on until the next call. Times never go back.
  void note(Instant now, int instances);
  double hours() const;  // instance-hours of the last 24 h: the present hour, and 23 whole ones

  // Seconds of the slices, newest first. Time without a controller counts as none.
  std::string text() const;
  static Spending from_text(std::string_view text);

 private:
  void turn();
  std::array<double, 24> seconds_{};  // newest first
  Duration slice_{};                  // how much of the newest has gone
  Instant since_{};
  int instances_ = 0;
  bool is_begun_ = false;
};

}  // namespace utakata
