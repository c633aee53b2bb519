#include "replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "crew.h"
#include "draw.h"

namespace utakata {
namespace {

using Faults = std::vector<Fault>;

bool breaks(SimOptions day, const Faults& faults, const std::string& promise) {
  day.faults = faults;
  return lived(day, promise).broken[0] != 0;
}

// Zeller's ddmin: drop ever smaller pieces as long as the rest still breaks it.
Faults shrunk(const SimOptions& day, const std::string& promise) {
  Faults faults = day.faults;
  if (breaks(day, {}, promise)) return {};
  std::size_t pieces = 2;
  while (faults.size() >= 2) {
    const std::size_t size = (faults.size() + pieces - 1) / pieces;
    bool is_smaller = false;
    for (std::size_t from = 0; from < faults.size() && !is_smaller; from += size) {
      Faults rest = faults;
      rest.erase(rest.begin() + std::ptrdiff_t(from),
                 rest.begin() + std::ptrdiff_t(std::min(from + size, faults.size())));
      if ((is_smaller = breaks(day, rest, promise))) faults = std::move(rest);
    }
    if (!is_smaller && size == 1) break;
    pieces =
        is_smaller ? std::max<std::size_t>(2, pieces - 1) : std::min(faults.size(), 2 * pieces);
  }
  return faults;
}

void tell(const SimOptions& options, const SimResult& day) {
  std::size_t fault = 0;
  for (const Activity& one : day.activities) {
    const auto at = one.at - options.began;
    for (; fault < day.faults.size() && day.faults[fault].at <= at; ++fault)
      fmt::print("{:>9.3f}  **** {}\n", to_seconds(day.faults[fault].at), day.faults[fault].what);
    fmt::print("{:>9.3f}  {} {} {}: {}{}\n", to_seconds(at),
               one.phase == Activity::Phase::intent ? "->" : "<-", one.kind,
               one.instance.empty() ? one.cluster : one.instance, one.because,
               one.cut ? fmt::format(" ({} cut)", *one.cut) : "");
  }
}

}  // namespace

bool replay(std::uint64_t seed) {
  const SimOptions options = drawn_day(seed);
  const auto day = simulate(options);
  fmt::print("day {}:\n{}", seed, described(options));
  tell(options, *day);
  for (const std::string& what : day->broken) fmt::print("broken: {}\n", what);
  const std::string first = lived(options).broken;
  if (first.empty()) return true;
  fmt::print("\nbroken first: {}\n", first);
  const std::string promise = first.substr(0, first.find(':'));
  const Faults few = shrunk(options, promise);
  fmt::print("the same promise breaks with these of its {}:\n",
             plural(std::ssize(options.faults), "fault"));
  for (const Fault& fault : few) fmt::print("  {}\n", described(fault));
  if (few.empty()) fmt::print("  none at all\n");
  SimOptions less = options;
  less.faults = few;
  fmt::print("{}\n", lived(less, promise).broken);
  return false;
}

}  // namespace utakata
