#include "sim/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/html.h"
#include "base/text.h"
#include "sim/report_chart.h"
#include "sim/report_marks.h"
#include "sim/report_page.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

constexpr std::size_t kListMost = 500;  // faults, or broken promises; JSON has them all

std::vector<double> values_of(const SimCluster& cluster, auto SimSample::* field) {
  std::vector<double> values;
  for (const SimSample& sample : cluster.samples) values.push_back(double(sample.*field));
  return values;
}

// What was run up so far: the total, shared out as instances were there. Prices that change over
// time are not told apart.
std::vector<double> run_up(const SimCluster& cluster, double total) {
  std::vector<double> sums;
  double sum = 0;
  for (std::size_t i = 0; i < cluster.samples.size(); ++i) {
    const SimSample& sample = cluster.samples[i];
    if (i > 0)
      sum += to_seconds(sample.at - cluster.samples[i - 1].at) *
             double(sample.starting + sample.serving + sample.draining);
    sums.push_back(sum);
  }
  for (double& value : sums) value = sum > 0 ? value / sum * total : 0;
  return sums;
}

std::vector<Chart> charts_of(const SimResult& result, const SimCluster& cluster) {
  using Shape = ChartSeries::Shape;
  const auto values = [&](auto field) { return values_of(cluster, field); };
  std::vector<Duration> at, faults;
  for (const SimSample& sample : cluster.samples) at.push_back(sample.at);
  for (const SimFault& fault : result.faults)
    if (faults.size() < kListMost) faults.push_back(fault.at);
  const bool has_price = !result.currency.empty();
  const std::string money = has_price ? result.currency : "instance-hours";
  return {
      {"Instances",
       at,
       {{"wanted", "dashed", Shape::steps, values(&SimSample::wanted)},
        {"starting", "green", Shape::steps, values(&SimSample::starting)},
        {"draining", "orange", Shape::steps, values(&SimSample::draining)},
        {"serving", "blue", Shape::steps, values(&SimSample::serving)}},
       faults},
      {"Connections",
       at,
       {{"capacity", "dashed", Shape::steps, values(&SimSample::capacity)},
        {"wishing", "orange", Shape::line, values(&SimSample::wishing)},
        {"connected", "blue", Shape::line, values(&SimSample::connections)}},
       faults},
      {"Refused",
       at,
       {{"answers since the sample before", "orange", Shape::bars, values(&SimSample::refused)}},
       faults,
       "nobody was asked to come back later"},
      {"Cut",
       at,
       {{"connections since the sample before", "red", Shape::bars, values(&SimSample::cut)}},
       faults,
       "no connection was cut"},
      {has_price ? "Cost so far" : "Instance-hours so far",
       at,
       {{money, "blue", Shape::area,
         run_up(cluster, has_price ? cluster.cost : cluster.instance_hours)}},
       faults,
       "nothing"}};
}

std::string decisions_html(const SimResult& result, const SimCluster& cluster,
                           const ChartAxis& axis) {
  const auto decisions = marks_of(result, cluster.name);
  std::string out =
      "<div class=\"lanes\"><b>Decisions</b> <small>reasons on hover, focus or "
      "touch</small>\n";
  out += lanes_html(marks_of(result.faults), axis) + lanes_html(decisions, axis);
  out += axis_html(axis) + "</div>\n";
  return out + fmt::format("<details><summary>{} of {}, as a table</summary>\n{}</details>\n",
                           plural(std::ssize(decisions), "decision"), html_text(cluster.name),
                           marks_table_html(decisions));
}

std::string cluster_html(const SimResult& result, const SimCluster& cluster,
                         const ChartAxis& axis) {
  std::string out = fmt::format("<section><h2>{}</h2>\n", html_text(cluster.name));
  const auto charts = charts_of(result, cluster);
  out += chart_html(charts.front(), axis) + decisions_html(result, cluster, axis);
  for (std::size_t i = 1; i < charts.size(); ++i) out += chart_html(charts[i], axis);
  return out + "</section>\n";
}

std::string totals_html(const SimResult& result) {
  if (result.clusters.empty()) return "<p>There was no cluster.</p>\n";
  std::string head, body;
  std::vector<std::string> rows;
  for (const SimCluster& cluster : result.clusters) {
    head += fmt::format("<th>{}</th>", html_text(cluster.name));
    const auto totals = report_rows(cluster, result.currency);
    rows.resize(totals.size());
    for (std::size_t i = 0; i < totals.size(); ++i) {
      if (rows[i].empty()) rows[i] = fmt::format("<th>{}</th>", html_text(totals[i].label));
      rows[i] += fmt::format("<td>{}</td>", html_text(totals[i].value));
    }
  }
  for (const std::string& row : rows) body += "<tr>" + row + "</tr>\n";
  return fmt::format(
      "<div class=\"wide\"><table class=\"totals\"><thead><tr><th></th>{}</tr></thead>\n"
      "<tbody>\n{}</tbody></table></div>\n",
      head, body);
}

std::string and_more(std::size_t count) {
  if (count <= kListMost) return "";
  return fmt::format("<p>... and {} more, which the JSON has.</p>\n",
                     thousands(std::int64_t(count - kListMost)));
}

std::string broken_html(const SimResult& result) {
  const auto& broken = result.broken;
  if (broken.empty()) return "<p class=\"kept\">No promise broken.</p>\n";
  std::string items;
  for (std::size_t i = 0; i < std::min(kListMost, broken.size()); ++i)
    items += fmt::format("<li>{}</li>\n", html_text(broken[i]));
  return fmt::format(
      "<div class=\"broken\" role=\"alert\"><h2>{} broken</h2>\n<ul>\n{}</ul>\n{}</div>\n",
      plural(std::ssize(broken), "promise"), items, and_more(broken.size()));
}

std::string faults_html(const SimResult& result) {
  if (result.faults.empty()) return "";
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n",
                     plural(std::ssize(result.faults), "fault"),
                     marks_table_html(marks_of(result.faults)));
}

ChartAxis axis_of(const SimResult& result) {
  Duration length = std::max<Duration>(1s, result.length);
  for (const SimCluster& cluster : result.clusters)
    if (!cluster.samples.empty()) length = std::max(length, cluster.samples.back().at);
  return {length};
}

}  // namespace

std::string to_html(const SimResult& result) {
  const ChartAxis axis = axis_of(result);
  const std::string title = html_text(fmt::format("{} under {}", result.stack, result.load));
  std::string body = broken_html(result) + totals_html(result) + faults_html(result);
  for (const SimCluster& cluster : result.clusters) body += cluster_html(result, cluster, axis);
  return page_html(title, html_text(report_run(result)), body);
}

}  // namespace utakata
