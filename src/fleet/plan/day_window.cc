#include "fleet/plan/day_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace utakata {

void DayWindow::add(Instant now, double amount) {
  if (is_begun_) gone_ += now - last_;
  is_begun_ = true;
  last_ = now;
  for (int turned = 0; gone_ >= 1h && turned < 24; ++turned) {
    std::ranges::rotate(slices_, slices_.end() - 1);
    slices_[0] = 0;
    gone_ -= 1h;
  }
  gone_ %= 1h;
  slices_[0] += amount;
}

double DayWindow::sum() const { return std::accumulate(slices_.begin(), slices_.end(), 0.0); }

std::string DayWindow::text() const {
  std::string out = std::to_string(gone_ / 1s);
  for (const double slice : slices_) out += fmt::format(" {:.0f}", slice);
  return out;
}

DayWindow DayWindow::from_text(std::string_view text) {
  std::array<double, 25> numbers{};
  const char *at = text.data(), *const end = at + text.size();
  for (double& number : numbers) {
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || !(number >= 0 && number < 1e15)) return {};
    at = next < end ? next + 1 : next;
  }
  DayWindow window;
  window.gone_ = from_seconds(std::min(numbers[0], 3599.0));
  std::copy(numbers.begin() + 1, numbers.end(), window.slices_.begin());
  return window;
}

}  // namespace utakata
