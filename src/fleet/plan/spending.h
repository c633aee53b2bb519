// What a cluster has cost lately, in instance-hours: what `cap_per_day` goes by. Pure values.
#pragma once

#include "fleet/plan/day_window.h"

namespace utakata {

class Spending {
 public:
  explicit Spending(DayWindow seconds = {}) : seconds_(seconds) {}
  // So many are there from now on until the next call. Times never go back.
  void note(Instant now, int instances) {
    seconds_.add(now, is_begun_ ? to_seconds(now - since_) * instances_ : 0);
    since_ = now;
    instances_ = instances;
    is_begun_ = true;
  }
  double hours() const { return seconds_.sum() / 3600; }  // of the last 24 h: day_window.h
  std::string text() const { return seconds_.text(); }

 private:
  DayWindow seconds_;
  Instant since_{};
  int instances_ = 0;
  bool is_begun_ = false;
};

}  // namespace utakata
