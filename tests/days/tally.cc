#include "tally.h"

#include <fmt/format.h>

#include "sim/promise.h"

namespace utakata {
namespace {

constexpr double kMetMin = 0.05, kStruckMin = 0.01;

}  // namespace

std::vector<std::string> promise_names() {
  std::vector<std::string> names;
  for (const PromiseKind& kind : promise_kinds()) {
    if (std::string_view(kind.name).starts_with("L1")) names.push_back("14 clocks");
    names.push_back(kind.name);
  }
  return names;
}

void Tally::add(const DayReport& day) {
  ++days_;
  broken_ += day.broken[0] != 0;
  for (std::size_t i = 0; i < kPromisesMax; ++i) met_[i] += day.tested[i] > 0;
  for (std::size_t kind = 0; kind < struck_.size(); ++kind)
    for (std::size_t state = 0; state < struck_[kind].size(); ++state)
      struck_[kind][state] += day.struck[kind][state];
}

std::string Tally::table() const {
  std::string text = "put to the test, in % of the days:\n";
  const auto names = promise_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    text += fmt::format("  {:<14}{:6.1f}\n", names[i], 100.0 * double(met_[i]) / double(days_));
  text += "faults struck while an instance was\n";
  text += fmt::format("  {:<24}{:>9}{:>9}{:>9}{:>9}\n", "", "starting", "serving", "draining",
                      "stopping");
  for (std::size_t kind = 0; kind < struck_.size(); ++kind)
    text += fmt::format("  {:<24}{:>9}{:>9}{:>9}{:>9}\n", to_text(FaultKind(kind)),
                        struck_[kind][0], struck_[kind][1], struck_[kind][2], struck_[kind][3]);
  return text;
}

std::vector<std::string> Tally::missing() const {
  std::vector<std::string> missing;
  const auto names = promise_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (double(met_[i]) < kMetMin * double(days_))
      missing.push_back(fmt::format("promise {} was put to the test on {} of {} days only",
                                    names[i], met_[i], days_));
  for (std::size_t kind = 0; kind < struck_.size(); ++kind)
    for (std::size_t state = 0; state < struck_[kind].size(); ++state)
      if (double(struck_[kind][state]) < kStruckMin * double(days_))
        missing.push_back(fmt::format("`{}` struck {} times only while one was {}",
                                      to_text(FaultKind(kind)), struck_[kind][state],
                                      to_text(Lifecycle(state))));
  return missing;
}

}  // namespace utakata
