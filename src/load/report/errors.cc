#include "load/report/errors.h"

#include <algorithm>
#include <array>
#include <functional>
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
// As it was meant, since a page was left, without a word why, and cut.
constexpr std::array<std::string_view, 4> no_errors = {"1000", "1001", "1005", "1006"};
constexpr std::array<std::string_view, 3> own = {"ports", "source", "local"};

std::string_view tag_of(const SeriesName& name, std::string_view tag) {
  const auto found = std::ranges::find(name.tags, tag, &Tag::name);
  return found == name.tags.end() ? "" : std::string_view(found->value);
}

// Nothing: it is no error.
std::optional<std::string> where_of(const SeriesName& name) {
  if (name.metric == "ws_closed") {
    const auto code = tag_of(name, "code");
    if (std::ranges::find(no_errors, code) != no_errors.end()) return std::nullopt;
    return "closed " + std::string(code);
  }
  const auto phase = tag_of(name, "phase"), error = tag_of(name, "error");
  return std::string(phase) + (phase.empty() || error.empty() ? "" : " ") + std::string(error);
}

using Counts = std::map<std::pair<std::string_view, std::string>, double>;

std::vector<LoadErrors> most_first(const Counts& counts) {
  std::vector<LoadErrors> all;
  for (const auto& [name, count] : counts)
    all.push_back({std::string(name.first), name.second, count});
  std::ranges::stable_sort(all, std::greater{}, &LoadErrors::count);
  return all;
}

}  // namespace

bool is_of_errors(std::string_view metric) {
  return std::ranges::find(kinds, metric, &Kind::metric) != kinds.end();
}

std::vector<LoadErrors> errors_in(const Metrics& metrics) {
  Counts counts;
  for (const auto& [key, series] : metrics.series()) {
    const auto kind = std::ranges::find(kinds, series.name.metric, &Kind::metric);
    const auto* counter = std::get_if<Counter>(&series.value);
    if (kind == kinds.end() || counter == nullptr || counter->sum <= 0) continue;
    if (auto where = where_of(series.name)) counts[{kind->words, *where}] += counter->sum;
  }
  return most_first(counts);
}

std::vector<LoadErrors> own_errors_in(const Metrics& metrics) {
  Counts counts;
  for (const auto& [key, series] : metrics.series()) {
    const auto error = tag_of(series.name, "error");
    const auto* counter = std::get_if<Counter>(&series.value);
    if (!is_of_errors(series.name.metric) || counter == nullptr || counter->sum <= 0) continue;
    if (std::ranges::find(own, error) != own.end()) counts[{error, ""}] += counter->sum;
  }
  return most_first(counts);
}

}  // namespace utakata::load
