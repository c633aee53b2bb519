#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/replay_report.h"
#include "sim/replay_rows.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

constexpr std::size_t kListMost = 30;
constexpr std::size_t kWhyMost = 60;

// Foreign text must not drive the terminal.
std::string plain(std::string text, std::size_t most) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  if (text.size() <= most) return text;
  std::size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string short_time(Duration d) { return to_text(std::chrono::floor<std::chrono::seconds>(d)); }

std::string and_more(std::size_t count) {
  return count <= kListMost ? ""
                            : fmt::format("  ... and {} more, which --json and --html have\n",
                                          thousands(std::int64_t(count - kListMost)));
}

std::string table_text(const ReplayReport& report, const ReplayReport::Cluster& cluster) {
  std::string out =
      fmt::format("\n{:<26}{:>18}", "cluster " + plain(cluster.happened.name, 17), "happened");
  for (const std::string& name : report.names) out += fmt::format("{:>26}", plain(name, 24));
  out += "\n";
  for (const ReplayRow& row : replay_rows(report, cluster)) {
    out += fmt::format("  {:<24}{:>18}", row.label, row.values[0]);
    for (std::size_t i = 1; i < row.values.size(); ++i) out += fmt::format("{:>26}", row.values[i]);
    out += "\n";
  }
  return out;
}

std::string taken_text(const ReplayReport::Cluster& cluster) {
  const RecordedCluster& had = cluster.happened;
  std::string out = fmt::format("{}: {} from {}", plain(had.name, 40), short_time(had.length),
                                to_text(had.began).substr(0, 16) + "Z");
  if (had.unseen > Duration{0})
    out += fmt::format(", nobody watched {} of it", short_time(had.unseen));
  if (!cluster.days.empty()) {
    const ReplayedCluster& day = cluster.days.front();
    out +=
        fmt::format("; boots taken as {} ({}), stays as {} ({})", short_time(day.boot),
                    had.boot && day.boot == *had.boot ? fmt::format("{} measured", had.boots)
                                                      : "given or supposed",
                    short_time(day.session),
                    had.session && day.session == *had.session ? "measured" : "given or supposed");
  }
  return out + "\n";
}

std::string ends_text(const RecordedCluster& had) {
  std::vector<RecordedEnd> cuts;
  std::ranges::copy_if(had.ends, std::back_inserter(cuts),
                       [](const RecordedEnd& end) { return end.cut > 0; });
  if (cuts.empty()) return "\nnobody was cut\n";
  std::string out =
      fmt::format("\n{} cut by {}\n", plural(had.cut, "client"), plural(std::ssize(cuts), "end"));
  for (std::size_t i = 0; i < std::min(kListMost, cuts.size()); ++i)
    out += fmt::format("  {}  {:<20} {:<10} with {} on it\n", to_text(cuts[i].at).substr(0, 19),
                       plain(cuts[i].instance, 20), to_text(cuts[i].how),
                       plural(cuts[i].cut, "client"));
  return out + and_more(cuts.size());
}

std::string minutes_text(const ReplayReport::Cluster& cluster) {
  if (cluster.days.empty()) return "";
  const RecordedCluster& had = cluster.happened;
  const auto spans = spans_that_differ(had, cluster.days.front());
  if (spans.empty()) return "\nin every minute as many instances as there would have been\n";
  std::string out = "\nminutes (UTC)   had  would have had  because\n";
  const auto wall = [&](std::size_t minute) {
    return hour_of(had.began +
                   std::chrono::floor<std::chrono::milliseconds>(had.minutes[minute].at));
  };
  for (std::size_t i = 0; i < std::min(kListMost, spans.size()); ++i) {
    const ReplaySpan& span = spans[i];
    const std::string when = span.first == span.last
                                 ? wall(span.first)
                                 : fmt::format("{}-{}", wall(span.first), wall(span.last));
    out += fmt::format("  {:<13}{:>4}{:>16}  {}\n", when, span.had, span.would,
                       plain(span.why, kWhyMost));
  }
  return out + and_more(spans.size());
}

std::string broken_text(const ReplayReport& report) {
  std::string out;
  for (const ReplayReport::Cluster& cluster : report.clusters)
    for (const ReplayedCluster& day : cluster.days)
      for (const std::string& promise : day.day.broken)
        out += fmt::format("BROKEN in the replay: {}\n", plain(promise, 95));
  return out.empty() ? out : "\n" + out;
}

}  // namespace

std::string replay_text(const ReplayReport& report, bool in_full) {
  std::string out = fmt::format("stack {}", plain(report.stack, 60));
  if (report.damaged > 0)
    out += fmt::format("; {} could not be read, and {} passed over",
                       plural(report.damaged, "recorded observation"),
                       report.damaged == 1 ? "was" : "were");
  out += "\n";
  for (const ReplayReport::Cluster& cluster : report.clusters) {
    out += taken_text(cluster) + table_text(report, cluster);
    if (in_full) out += ends_text(cluster.happened) + minutes_text(cluster);
  }
  return out + broken_text(report);
}

}  // namespace utakata
