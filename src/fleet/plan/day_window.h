// A sum over the last 24 hours, in slices of an hour. Pure values; kept over restarts as text.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/instant.h"

namespace utakata {

class DayWindow {
 public:
  // Times never go back. What is added at once counts for the present hour.
  void add(Instant now, double amount);
  double sum() const;  // of the present hour, and of the 23 before it

  // The slices, newest first. Time without a controller counts as none.
  std::string text() const;
  static DayWindow from_text(std::string_view text);  // damaged: an empty one

 private:
  std::array<double, 24> slices_{};  // newest first
  Duration gone_{};                  // of the newest
  Instant last_{};
  bool is_begun_ = false;
};

}  // namespace utakata
