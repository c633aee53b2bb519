#include <fmt/format.h>

#include <algorithm>

#include "base/html.h"
#include "base/text.h"
#include "sim/replay_report.h"
#include "sim/replay_rows.h"
#include "sim/report_chart.h"
#include "sim/report_page.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

constexpr std::size_t kMinutesMost = 3000;  // a page with more is slow on a phone; JSON has them

std::string wall_text(const RecordedCluster& had, Duration at) {
  return to_text(had.began + std::chrono::floor<std::chrono::milliseconds>(at)).substr(0, 16);
}

std::string totals_html(const ReplayReport& report, const ReplayReport::Cluster& cluster) {
  std::string head = "<th></th><th>happened</th>", body;
  for (const std::string& name : report.names) head += fmt::format("<th>{}</th>", html_text(name));
  for (const ReplayRow& row : replay_rows(report, cluster)) {
    body += fmt::format("<tr><th>{}</th>", html_text(row.label));
    for (const std::string& value : row.values)
      body += fmt::format("<td>{}</td>", html_text(value));
    body += "</tr>\n";
  }
  return fmt::format(
      "<div class=\"wide\"><table class=\"totals\"><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>"
      "</table></div>\n",
      head, body);
}

std::string charts_html(const ReplayReport& report, const ReplayReport::Cluster& cluster) {
  using Shape = ChartSeries::Shape;
  const RecordedCluster& had = cluster.happened;
  const ChartAxis axis{std::max<Duration>(had.length, 1s)};
  std::vector<Duration> at;
  ChartSeries there{"happened", "orange", Shape::steps, {}};
  ChartSeries clients{"clients", "blue", Shape::line, {}}, cut{"cut", "red", Shape::bars, {}};
  for (const RecordedMinute& minute : had.minutes) {
    at.push_back(minute.at);
    there.values.push_back(minute.there);
    clients.values.push_back(double(minute.clients));
    cut.values.push_back(minute.cut);
  }
  Chart instances{"Instances", at, {there}, {}};
  const char* colours[] = {"blue", "green"};
  for (std::size_t i = 0; i < cluster.days.size(); ++i) {
    ChartSeries would{report.names[i], colours[i % 2], Shape::steps, {}};
    for (const WouldMinute& minute : cluster.days[i].minutes) would.values.push_back(minute.there);
    instances.series.push_back(std::move(would));
  }
  return chart_html(instances, axis) + chart_html({"Clients", at, {clients}, {}}, axis) +
         chart_html({"Cut", at, {cut}, {}, "nobody was cut"}, axis) + axis_html(axis);
}

std::string list_html(const std::string& title, const std::string& head, const std::string& rows) {
  return fmt::format(
      "<details><summary>{}</summary>\n<div class=\"wide\"><table class=\"list\"><thead><tr>{}</tr>"
      "</thead>\n<tbody>\n{}</tbody></table></div></details>\n",
      title, head, rows);
}

std::string ends_html(const RecordedCluster& had) {
  std::string rows;
  for (const RecordedEnd& end : had.ends)
    rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        to_text(end.at).substr(0, 19), html_text(end.instance), to_text(end.how),
                        plural(end.cut, "client"));
  return list_html(
      fmt::format("{}, {} cut", plural(std::ssize(had.ends), "end"), plural(had.cut, "client")),
      "<th>at (UTC)</th><th>instance</th><th>how</th><th>cut</th>", rows);
}

std::string minutes_html(const ReplayReport& report, const ReplayReport::Cluster& cluster) {
  const RecordedCluster& had = cluster.happened;
  std::string head = "<th>minute (UTC)</th><th>had</th>", rows;
  for (const std::string& name : report.names)
    head += fmt::format("<th>{0}</th><th>because</th>", html_text(name));
  for (std::size_t i = 0; i < std::min(kMinutesMost, had.minutes.size()); ++i) {
    rows += fmt::format("<tr><td>{}</td><td>{}{}</td>", wall_text(had, had.minutes[i].at),
                        had.minutes[i].there, had.minutes[i].is_hot ? ", hot" : "");
    for (const ReplayedCluster& day : cluster.days)
      rows += fmt::format("<td>{}</td><td>{}</td>", day.minutes[i].there,
                          html_text(day.minutes[i].why));
    rows += "</tr>\n";
  }
  return list_html("every minute", head, rows);
}

}  // namespace

std::string replay_html(const ReplayReport& report) {
  std::string body;
  if (report.damaged > 0)
    body += fmt::format("<p>{} could not be read and were passed over.</p>\n",
                        plural(report.damaged, "recorded observation"));
  for (const ReplayReport::Cluster& cluster : report.clusters)
    body += fmt::format("<section><h2>{}</h2>\n", html_text(cluster.happened.name)) +
            totals_html(report, cluster) + charts_html(report, cluster) +
            ends_html(cluster.happened) + minutes_html(report, cluster) + "</section>\n";
  std::string below = "What happened, and what would have been.";
  if (!report.clusters.empty())
    below = fmt::format(
        "{} from {} UTC. {}",
        to_text(std::chrono::floor<std::chrono::seconds>(report.clusters.front().happened.length)),
        wall_text(report.clusters.front().happened, Duration{0}), below);
  return page_html(html_text(report.stack), html_text(below), body);
}

}  // namespace utakata
