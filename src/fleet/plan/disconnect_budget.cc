#include "fleet/plan/disconnect_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fleet/plan/rules_words.h"

namespace utakata {

void DisconnectBudget::note(Instant now, double closed, double placed) {
  const double seconds = is_begun_ ? to_seconds(now - last_) : 0;
  last_ = now;
  is_begun_ = true;
  placed_.add(now, placed);
  if (closed_.empty() && closed <= 0 && seconds > 0) {
    const double fades = std::exp(-seconds / 60);
    usual_ = usual_ * fades + placed / seconds * (1 - fades);
  }
  double regained = std::max(0.0, placed - usual_ * seconds);
  if (closed > 0) closed_.push_back({now, closed});
  double lost = 0;
  while (!closed_.empty()) {
    Closed& oldest = closed_.front();
    const double found = std::min(regained, oldest.clients);
    oldest.clients -= found;
    regained -= found;
    const bool is_late = now - oldest.at > 10s;
    if (is_late) lost += oldest.clients;
    if (!is_late && oldest.clients > 0) break;
    closed_.pop_front();
  }
  lost_.add(now, lost);
}

std::string DisconnectBudget::why(double share) const {
  return fmt::format("disconnect budget: {} of {} lost their place in 24 hours, {} % may",
                     grouped(std::llround(lost())), grouped(std::llround(placed())),
                     plain(share * 100));
}

DisconnectBudget DisconnectBudget::from_text(std::string_view text) {
  DisconnectBudget budget;
  const auto half = std::min(text.find(';'), text.size());
  budget.lost_ = DayWindow::from_text(text.substr(0, half));
  budget.placed_ = DayWindow::from_text(text.substr(std::min(text.size(), half + 1)));
  return budget;
}

}  // namespace utakata
