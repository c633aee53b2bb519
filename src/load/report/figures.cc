#include "load/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace utakata::load {
namespace {

std::string grouped(double whole) {
  std::string text = fmt::format("{:.0f}", whole);
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

struct Unit {
  const char* name;
  double size;
};

// In the greatest unit of which it is at least one, once it is rounded: 999.9 us are 1 ms.
template <std::size_t count>
std::string in_units(double value, const Unit (&units)[count]) {
  std::size_t i = 0;
  while (i + 1 < count && std::abs(value) >= units[i + 1].size * 0.9995) ++i;
  return fmt::format("{} {}", number_words(value / units[i].size), units[i].name);
}

}  // namespace

std::string number_words(double number) {
  if (!std::isfinite(number)) return "-";
  if (std::abs(number) >= 1e18) return fmt::format("{:.3g}", number);
  const bool is_whole = number == std::floor(number);
  if (is_whole || std::abs(number) >= 999.5) return grouped(std::round(number));
  return fmt::format("{:.3g}", number);
}

std::string time_words(double us) {
  constexpr Unit units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}};
  return us == 0 ? "0" : in_units(us, units);
}

std::string per_second_words(double rate) { return number_words(rate) + "/s"; }

std::string bytes_words(double bytes) {
  constexpr Unit units[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};
  return in_units(bytes, units);
}

// As many decimals as keep "nearly all" from looking like "all".
std::string share_words(double share) {
  if (!std::isfinite(share)) return "-";
  const double percent = share * 100;
  if (percent == 0 || percent == 100) return fmt::format("{:.0f} %", percent);
  for (int decimals = 2; decimals <= 6; ++decimals) {
    const double unit = std::pow(10, -decimals);
    if (percent < unit * 0.5 || (percent < 100 && percent >= 100 - unit * 0.5)) continue;
    std::string text = fmt::format("{:.{}f}", percent, decimals);
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
    return text + " %";
  }
  return percent < 50 ? "under 0.000001 %" : "over 99.999999 %";
}

std::string duration_words(Duration duration) {
  const double seconds = to_seconds(duration);
  if (seconds < 59.95) return time_words(std::max(0.0, std::round(seconds * 1e6)));
  const auto whole = std::int64_t(std::llround(seconds));
  const std::int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{} h {} min", number_words(double(hours)), minutes);
  return whole % 60 == 0 ? fmt::format("{} min", minutes)
                         : fmt::format("{} min {} s", minutes, whole % 60);
}

std::string clock_words(Duration since) {
  const std::int64_t whole = std::max<std::int64_t>(0, since / 1s);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string times_words(double count, const char* noun) {
  return fmt::format("{} {}{}", number_words(count), noun, count == 1 ? "" : "s");
}

}  // namespace utakata::load
