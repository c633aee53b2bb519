#include "sim/replay_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

std::string hours(double number) { return fmt::format("{:.2f}", number); }

std::int64_t ends_of(const RecordedCluster& happened, RecordedEnd::How how) {
  return std::ranges::count(happened.ends, how, &RecordedEnd::how);
}

}  // namespace

std::string hour_of(WallTime at) { return to_text(at).substr(11, 5); }

std::vector<ReplayRow> replay_rows(const ReplayReport& report,
                                   const ReplayReport::Cluster& cluster) {
  const RecordedCluster& had = cluster.happened;
  std::vector<ReplayRow> rows;
  const auto row = [&](const char* label, std::string happened, auto of_day) {
    rows.push_back({label, {std::move(happened)}});
    for (const ReplayedCluster& day : cluster.days) rows.back().values.push_back(of_day(day));
  };
  using Day = const ReplayedCluster&;
  const auto none = [](Day) { return std::string("-"); };
  row("instance-hours", hours(had.instance_hours), [](Day d) { return hours(d.instance_hours); });
  row("of these idle", hours(had.idle_hours), [](Day d) { return hours(d.idle_hours); });
  if (!report.price.currency.empty()) {
    const auto cost = [&](double h) {
      return fmt::format("{:.2f} {}", h * report.price.instance_hour, report.price.currency);
    };
    row("cost", cost(had.instance_hours), [&](Day d) { return cost(d.instance_hours); });
  }
  row("instances at most", thousands(had.there_most),
      [](Day d) { return thousands(d.there_most); });
  row("scaled in", thousands(ends_of(had, RecordedEnd::How::scale_in)),
      [](Day d) { return thousands(d.scale_ins); });
  row("replaced or restarted",
      thousands(ends_of(had, RecordedEnd::How::replaced) +
                ends_of(had, RecordedEnd::How::restarted)),
      none);
  row("clients cut", thousands(had.cut), [](Day d) { return thousands(d.cut); });
  row("hot minutes", thousands(had.hot_minutes), none);
  row("waiting at most", thousands(had.waiting_most), none);
  row("refused", "not known", [](Day d) { return thousands(d.refused); });
  return rows;
}

std::vector<ReplaySpan> spans_that_differ(const RecordedCluster& happened,
                                          const ReplayedCluster& day) {
  std::vector<ReplaySpan> spans;
  for (std::size_t i = 0; i < happened.minutes.size() && i < day.minutes.size(); ++i) {
    const int had = happened.minutes[i].there, would = day.minutes[i].there;
    if (had == would) continue;
    const bool goes_on = !spans.empty() && spans.back().last + 1 == i && spans.back().had == had &&
                         spans.back().would == would;
    if (goes_on)
      spans.back().last = i;
    else
      spans.push_back({i, i, had, would, day.minutes[i].why});
  }
  return spans;
}

}  // namespace utakata
