#include "fleet/plan/rules_words.h"

#include <fmt/format.h>

#include <cmath>

namespace utakata {

std::string grouped(std::int64_t n) {
  std::string text = std::to_string(n);
  const std::ptrdiff_t digits_first = n < 0 ? 1 : 0;
  for (std::ptrdiff_t at = std::ptrdiff_t(text.size()) - 3; at > digits_first; at -= 3)
    text.insert(std::size_t(at), ",");
  return text;
}

std::string plain(double number) {
  if (!std::isfinite(number)) return "unknown";
  if (std::abs(number) >= 1e15) return fmt::format("{:.3g}", number);
  const auto thousandths = std::llround(std::abs(number) * 1000);
  const std::string whole = grouped(thousandths / 1000);
  std::string text = number < 0 && thousandths > 0 ? "-" + whole : whole;
  if (thousandths % 1000 == 0) return text;
  text += fmt::format(".{:03}", thousandths % 1000);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

std::string to_text(const Amount& amount) {
  return plain(amount.value) + (amount.is_percent ? " %" : "");
}

std::string shown(const Zone& zone, WallTime at) {
  const auto local = to_local(zone, at);
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const auto minutes = std::chrono::floor<std::chrono::minutes>(local - day).count();
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), minutes / 60, minutes % 60);
}

}  // namespace utakata
