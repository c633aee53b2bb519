#include "sim/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "sim/report_chart.h"
#include "sim/report_marks.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

constexpr std::size_t kListMost = 500;  // faults, or broken promises; JSON has them all

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--dim:#5d6670;--grid:#e3e6ea;--tip:#f6f7f9;
--blue:#2563c9;--orange:#c2590a;--green:#1f7a4d;--red:#c62828;--purple:#7a3fb5}
@media(prefers-color-scheme:dark){:root{--back:#14171a;--ink:#e6e9ec;--dim:#9aa4ae;--grid:#2b3138;
--tip:#23282e;--blue:#6aa5ff;--orange:#f0a04b;--green:#5cc890;--red:#ff7b72;--purple:#c297f5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--back);color:var(--ink);
font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{margin:0;font-size:1.5rem}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--grid)}
small,.nothing{color:var(--dim)}
.broken{margin:1rem 0;padding:.6rem 1rem;border:2px solid var(--red);border-radius:6px}
.broken h2{margin:0;border:0;font-size:1.1rem}.broken,.broken h2{color:var(--red)}
.kept{color:var(--green)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top;font-weight:400}
tr+tr>*{border-top:1px solid var(--grid)}
.totals td,.totals thead th{text-align:right;white-space:nowrap}
.totals thead th{font-weight:600}
.totals th:first-child{text-align:left;color:var(--dim)}
.list td:nth-child(-n+2){white-space:nowrap;color:var(--dim)}
figure,.lanes{margin:1.2rem 0;padding-right:1rem}
figcaption{margin-bottom:.7rem}figcaption span{margin-left:1rem;white-space:nowrap}
.swatch{display:inline-block;width:1rem;height:0;margin-right:.3rem;vertical-align:middle;
border-top:3px solid}
.plot{position:relative;margin-left:4.5rem;height:9rem}
.plot svg{display:block;width:100%;height:100%;overflow:visible}
.ticks span{position:absolute;right:100%;margin-right:.4rem;transform:translateY(-50%)}
.ticks,.axis{color:var(--dim);font-size:.75rem;white-space:nowrap}
.axis{position:relative;margin-left:4.5rem;height:1.3rem}
.axis span{position:absolute;transform:translateX(-50%)}
path{fill:none;stroke-width:1.6px;vector-effect:non-scaling-stroke}
.line{stroke:currentColor}.fill{fill:currentColor;stroke:currentColor;stroke-width:1px;
fill-opacity:.35}
.grid{stroke:var(--grid);stroke-width:1px}
.fault{stroke:var(--red);stroke-width:1px;stroke-dasharray:2 3}
.at{fill:var(--ink);fill-opacity:0}.at:hover{fill-opacity:.25}
.blue{color:var(--blue)}.orange{color:var(--orange)}.green{color:var(--green)}
.red{color:var(--red)}.dashed{color:var(--dim);stroke-dasharray:5 3}
.swatch.dashed{border-top-style:dashed}
.lane{display:flex;height:1.15rem;font-size:.75rem}
.lane>span{flex:0 0 4.5rem;color:var(--dim);white-space:nowrap;overflow:hidden}
.lane>div{flex:1;position:relative;border-bottom:1px solid var(--grid)}
.mark{position:absolute;bottom:0;width:.4%;min-width:4px;height:60%;background:var(--dim);
font-weight:400}
.mark.many{height:90%}
.mark:hover,.mark:focus{outline:2px solid var(--ink);z-index:2}
.mark.launch,.mark.resume,.mark.trust{background:var(--green)}
.mark.drain,.mark.stop,.mark.replace{background:var(--orange)}
.mark.suspect,.mark.fault{background:var(--red)}
.mark.brake,.mark.brake_off,.mark.held_back{background:var(--purple)}
.mark i{display:none;position:absolute;top:110%;left:0;width:max-content;max-width:28rem;
padding:.4rem .6rem;background:var(--tip);color:var(--ink);border:1px solid var(--dim);
border-radius:4px;font-style:normal;font-size:.85rem;white-space:pre-line;pointer-events:none}
.mark.late i{left:auto;right:0}
.mark:hover i,.mark:focus i{display:block}
summary{cursor:pointer}details{margin-top:.6rem}
@media(max-width:45rem){body{padding:.6rem}figcaption span{margin:0 .8rem 0 0;white-space:normal}
figcaption>b{display:block}
.mark i{position:fixed;inset:auto .5rem .5rem .5rem;width:auto;max-width:none;z-index:9}
.mark.late i{left:.5rem;right:.5rem}}
)";

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
  // Nothing may be fetched, nothing may run, whatever got past the escaping.
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n<p>{2}</p>\n",
      title, kStyle, html_text(report_run(result)));
  out += broken_html(result) + totals_html(result) + faults_html(result);
  for (const SimCluster& cluster : result.clusters) out += cluster_html(result, cluster, axis);
  return out + "</body></html>\n";
}

}  // namespace utakata
