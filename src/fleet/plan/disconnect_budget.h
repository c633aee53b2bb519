// Whom we closed and who lost the place by it: the disconnect budget. Pure values.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "fleet/plan/day_window.h"

namespace utakata {

class DisconnectBudget {
 public:
  // Since the last call: clients that we closed, and seats that placement gave out. A new seat
  // beyond the usual rate is taken for that of the client longest closed; who has none 10 s after
  // is lost.
  void note(Instant now, double closed, double placed);

  double lost() const { return lost_.sum(); }      // of 24 h
  double placed() const { return placed_.sum(); }  // of 24 h
  // So many of those placed may be lost.
  bool is_spent(double share) const { return lost() > 0 && lost() >= share * placed(); }
  // "disconnect budget: 12 of 900 lost their place in 24 hours, 1 % may"
  std::string why(double share) const;

  std::string text() const { return lost_.text() + ";" + placed_.text(); }
  static DisconnectBudget from_text(std::string_view text);

 private:
  struct Closed {
    Instant at{};
    double clients = 0;
  };
  DayWindow lost_, placed_;
  std::deque<Closed> closed_;  // without a seat so far, oldest first
  double usual_ = 0;           // seats a second while nobody is closed, of about the last minute
  Instant last_{};
  bool is_begun_ = false;
};

}  // namespace utakata
