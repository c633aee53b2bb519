#include "fleet/plan/boot_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

namespace utakata {
namespace {

constexpr std::size_t kept_max = 256;

}  // namespace

void BootTimes::ready(Duration took, int at_once) {
  boots_.push_back({std::chrono::floor<std::chrono::milliseconds>(took), std::max(1, at_once)});
  if (boots_.size() > kept_max) boots_.pop_front();
}

std::optional<Duration> BootTimes::p95(int at_once) const {
  std::vector<Duration> times;
  for (const Boot& boot : boots_)
    if (2 * boot.at_once >= at_once) times.push_back(boot.took);
  if (times.empty())
    for (const Boot& boot : boots_) times.push_back(boot.took);
  if (times.empty()) return std::nullopt;
  const std::size_t rank = (times.size() * 95 + 99) / 100 - 1;
  std::ranges::nth_element(times, times.begin() + std::ptrdiff_t(rank));
  return times[rank];
}

std::string BootTimes::text() const {
  std::string out;
  for (const Boot& boot : boots_)
    fmt::format_to(std::back_inserter(out), "{}{}/{}", out.empty() ? "" : " ", to_ms(boot.took),
                   boot.at_once);
  return out;
}

BootTimes BootTimes::from_text(std::string_view text) {
  BootTimes boots;
  const char *at = text.data(), *const end = at + text.size();
  while (at < end) {
    const char* const word_end = std::find(at, end, ' ');
    std::int64_t ms = 0;
    int at_once = 0;
    const auto [slash, bad] = std::from_chars(at, word_end, ms);
    if (bad == std::errc{} && slash != word_end && *slash == '/' && ms >= 0 && ms < 86'400'000 &&
        std::from_chars(slash + 1, word_end, at_once).ec == std::errc{} && at_once > 0)
      boots.ready(std::chrono::milliseconds{ms}, at_once);
    at = word_end == end ? end : word_end + 1;
  }
  return boots;
}

Duration lead_time(const BootTimes& boots, int launches, int starting_max, Duration unmeasured) {
  if (launches <= 0) return Duration{0};
  const int waves = (launches + starting_max - 1) / starting_max;
  return waves * boots.p95(std::min(launches, starting_max)).value_or(unmeasured);
}

}  // namespace utakata
