#include "sim/report_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {
namespace {

// The share of all answers, where there were any.
std::string refused_text(const SimCluster& cluster) {
  const std::int64_t answers = cluster.placements + cluster.refused;
  if (answers <= 0 || cluster.refused <= 0) return thousands(cluster.refused);
  const double share = 100 * double(cluster.refused) / double(answers);
  const std::string text = share < 0.1 ? "under 0.1" : fmt::format("{:.1f}", share);
  return fmt::format("{} ({} %)", thousands(cluster.refused), text);
}

}  // namespace

std::vector<ReportRow> report_rows(const SimCluster& cluster, std::string_view currency) {
  const SimCuts& cuts = cluster.cuts;
  std::vector<ReportRow> rows = {{"people", thousands(cluster.arrivals)},
                                 {"placements", thousands(cluster.placements)},
                                 {"refused, of all answers", refused_text(cluster)},
                                 {"waited, p50", to_text(cluster.waited_p50)},
                                 {"waited, p99", to_text(cluster.waited_p99)},
                                 {"waited, most", to_text(cluster.waited_most)},
                                 {"cut, all in all", thousands(cuts.by_faults + cuts.by_healing +
                                                               cuts.by_deadline + cuts.by_scaling)},
                                 {"cut by faults", thousands(cuts.by_faults)},
                                 {"cut by healing", thousands(cuts.by_healing)},
                                 {"cut by a drain's deadline", thousands(cuts.by_deadline)},
                                 {"cut by scaling", thousands(cuts.by_scaling)},
                                 {"launches", thousands(cluster.launches)},
                                 {"drains", thousands(cluster.drains)},
                                 {"heals", thousands(cluster.heals)},
                                 {"serving at most", thousands(cluster.serving_most)},
                                 {"instance-hours", fmt::format("{:.2f}", cluster.instance_hours)}};
  if (cluster.sent_away > 0) rows.push_back({"sent elsewhere", thousands(cluster.sent_away)});
  if (!currency.empty()) rows.push_back({"cost", fmt::format("{:.2f} {}", cluster.cost, currency)});
  return rows;
}

std::string report_run(const SimResult& result) {
  const std::string began = to_text(result.began).substr(0, 19) + "Z";  // nobody asks for its ms
  std::string text = fmt::format("{} from {}, seed {}, in {:.1f} s", to_text(result.length), began,
                                 result.seed, result.took_seconds);
  const double factor = to_seconds(result.length) / result.took_seconds;
  if (result.took_seconds > 0 && factor >= 1 && factor < 1e15)
    text += fmt::format(" ({} times real time)", thousands(std::int64_t(factor)));
  return text;
}

std::string thousands(std::int64_t number) {
  std::string text = fmt::format("{}", number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t place = text.size(); place > first + 3;) text.insert(place -= 3, ",");
  return text;
}

std::string clock_text(Duration since) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(std::max(since, Duration{0}));
  return fmt::format("{}:{:02}", minutes.count() / 60, minutes.count() % 60);
}

std::string clock_text_with_seconds(Duration since) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::max(since, Duration{0}));
  return fmt::format("{}:{:02}", clock_text(since), seconds.count() % 60);
}

}  // namespace utakata
