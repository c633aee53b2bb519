#include "fleet/plan/backoff.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {

void Backoff::failed(const std::string& version, const std::string& why, Instant now) {
  // A stack lives through few versions; the bound is for one that is edited every minute for a
  // year.
  if (versions_.size() >= 64 && !versions_.contains(version)) versions_.erase(versions_.begin());
  Failures& f = versions_[version];
  ++f.in_a_row;
  f.last = why;
  f.last_at = now;
  const int doublings = std::min(f.in_a_row - 2, 6);
  const Duration pause =
      f.in_a_row < 2 ? Duration{0} : std::min<Duration>(1s * (1 << doublings), 60s);
  f.next = now + pause;
}

void Backoff::proved(const std::string& version, Instant launched_at) {
  const auto found = versions_.find(version);
  if (found != versions_.end() && launched_at > found->second.last_at) versions_.erase(found);
}

Duration Backoff::wait(const std::string& version, Instant now) const {
  const auto found = versions_.find(version);
  return found == versions_.end() ? Duration{0} : std::max(Duration{0}, found->second.next - now);
}

std::string Backoff::why(const std::string& version) const {
  const auto found = versions_.find(version);
  if (found == versions_.end()) return {};
  return fmt::format("{} in a row, the last: {}", plural(found->second.in_a_row, "failure"),
                     found->second.last);
}

}  // namespace utakata
