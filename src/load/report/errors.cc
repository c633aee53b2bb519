#include "load/report/errors.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace utakata::load {
namespace {

struct Kind {
  std::string_view metric, words;
};
constexpr std::array kinds = {Kind{"errors", "scenario"}, Kind{"http_errors", "HTTP"},
                              Kind{"ws_errors", "WebSocket"}, Kind{"ws_closed", "WebSocket"}};
// As it was meant, since a page was left, and without a word why: browsers' own.
constexpr std::array<std::string_view, 3> orderly = {"1000", "1001", "1005"};

std::string_view tag_of(const SeriesName& name, std::string_view tag) {
  const auto found = std::ranges::find(name.tags, tag, &Tag::name);
  return found == name.tags.end() ? "" : std::string_view(found->value);
}

// Nothing: it is no error.
std::optional<std::string> where_of(const SeriesName& name) {
  const auto phase = tag_of(name, "phase"), code = tag_of(name, "code");
  if (name.metric == "ws_closed" && (phase == "open" || phase.empty())) {
    if (std::ranges::find(orderly, code) != orderly.end()) return std::nullopt;
    return "closed " + std::string(code);
  }
  // The code of one that was never open is 1006, always.
  if (code.empty() || name.metric == "ws_closed") return std::string(phase);
  return std::string(phase) + (phase.empty() ? "" : " ") + std::string(code);
}

}  // namespace

bool is_of_errors(std::string_view metric) {
  return std::ranges::find(kinds, metric, &Kind::metric) != kinds.end();
}

std::vector<LoadErrors> errors_in(const Metrics& metrics) {
  std::map<std::pair<std::string_view, std::string>, double> counts;
  for (const auto& [key, series] : metrics.series()) {
    const auto kind = std::ranges::find(kinds, series.name.metric, &Kind::metric);
    const auto* counter = std::get_if<Counter>(&series.value);
    if (kind == kinds.end() || counter == nullptr || counter->sum <= 0) continue;
    if (auto where = where_of(series.name)) counts[{kind->words, *where}] += counter->sum;
  }
  std::vector<LoadErrors> all;
  for (const auto& [name, count] : counts)
    all.push_back({std::string(name.first), name.second, count});
  std::ranges::stable_sort(all, std::greater{}, &LoadErrors::count);
  return all;
}

}  // namespace utakata::load
