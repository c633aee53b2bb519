#include "load/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "load/report/chart.h"
#include "load/report/errors.h"
#include "load/report/figures.h"
#include "load/report/html_page.h"
#include "load/report/metric_rows.h"
#include "load/report/report_charts.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

constexpr std::size_t rows_max = 1000;  // of any table: a page is to open

std::string section(std::string_view title, std::string_view html) {
  if (html.empty()) return "";
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", title, html);
}

// `classes` of the table; heads and rows are HTML already.
std::string table(std::string_view classes, std::string_view heads, std::string_view rows) {
  if (rows.empty()) return "";
  return fmt::format(
      "<div class=\"wide\"><table class=\"{}\"><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>"
      "</table></div>\n",
      classes, heads, rows);
}

std::string cells(std::initializer_list<std::string> texts) {
  std::string html;
  for (const std::string& text : texts) html += "<td>" + text + "</td>";
  return html;
}

std::string heads(std::initializer_list<const char*> texts) {
  std::string html;
  for (const char* text : texts) html += fmt::format("<th scope=\"col\">{}</th>", text);
  return html;
}

std::string row(const std::string& name, const std::string& rest, bool is_part = false) {
  return fmt::format("<tr{}><th scope=\"row\">{}</th>{}</tr>\n", is_part ? " class=\"part\"" : "",
                     escaped(name), rest);
}

std::string head_html(const LoadReport& report) {
  std::string end = fmt::format("{} after {}", to_text(report.end), duration_words(report.elapsed));
  if (report.end != LoadEnd::done && report.planned > 0s)
    end += " of " + duration_words(report.planned);
  return fmt::format("<h1>{}</h1>\n<p>{}</p>\n<p class=\"dim\">{}, begun {}</p>\n",
                     escaped(report.file), escaped(report.plan), end,
                     utakata::to_text(report.started).substr(0, 19) + "Z");
}

std::string doubts_html(const LoadReport& report) {
  if (report.is_valid()) return "";
  std::string html =
      "<div class=\"verdict is-warn\"><b class=\"warn\">Not valid: these figures are "
      "not the servers'</b>\n<ul>\n";
  for (const auto& doubt : report.doubts) html += fmt::format("<li>! {}</li>\n", escaped(doubt));
  return html + "</ul></div>\n";
}

std::string verdict_html(const LoadReport& report) {
  if (report.thresholds.empty())
    return "<div class=\"verdict\"><b>No thresholds were set</b></div>\n";
  std::string kept, missed;
  std::size_t misses = 0;
  for (const auto& [threshold, verdict] : report.thresholds) {
    misses += !verdict.is_kept;
    (verdict.is_kept ? kept : missed) +=
        fmt::format("<li><span class=\"{}\">{}</span> {}</li>\n", verdict.is_kept ? "good" : "bad",
                    verdict.is_kept ? "✓" : "✗", escaped(verdict.because));
  }
  const std::string words =
      misses == 0 ? "All thresholds were kept"
                  : fmt::format("{} of {} missed", misses,
                                times_words(double(report.thresholds.size()), "threshold"));
  return fmt::format(
      "<div class=\"verdict {0}\"><b class=\"{1}\">{2}</b>\n<ul>\n{3}{4}</ul></div>\n",
      misses == 0 ? "is-good" : "is-bad", misses == 0 ? "good" : "bad", words, missed, kept);
}

class Tiles {
 public:
  explicit Tiles(const LoadReport& report) : report_(report) {}

  std::string html() {
    std::int64_t users = 0, sockets = 0;
    for (const LoadPoint& point : report_.points) {
      users = std::max(users, point.users);
      sockets = std::max(sockets, point.sockets);
    }
    add("Users at most", number_words(double(users)), "");
    if (sockets > 0) add("Sockets at most", number_words(double(sockets)), "");
    counter("Iterations", "iterations");
    counter("HTTP requests", "http_reqs");
    counter("Messages received", "ws_msgs_received");
    checks();
    const auto errors = errors_in(report_.metrics);
    if (errors.empty())
      add("Errors", "none", "");
    else
      add("Errors", number_words(errors[0].count), errors[0].words());
    return "<dl class=\"tiles\">\n" + html_ + "</dl>\n";
  }

 private:
  void add(const char* name, const std::string& figure, const std::string& below) {
    html_ += fmt::format("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", name,
                         escaped(figure), escaped(below));
  }
  void counter(const char* name, const char* metric) {
    const auto total = report_.metrics.total(metric);
    const auto* counter = total ? std::get_if<Counter>(&*total) : nullptr;
    if (counter == nullptr || counter->sum == 0) return;
    const double seconds = to_seconds(report_.elapsed);
    add(name, number_words(counter->sum),
        seconds > 0 ? per_second_words(counter->sum / seconds) : "");
  }
  void checks() {
    Rate all;
    for (const CheckRow& row : checks_in(report_.metrics))
      all.trues += row.rate.trues, all.all += row.rate.all;
    if (all.all > 0) add("Checks", share_words(all.share()), "of " + number_words(double(all.all)));
  }

  const LoadReport& report_;
  std::string html_;
};

std::string charts_html(const std::vector<Chart>& charts) {
  std::string html;
  for (const Chart& chart : charts) html += chart_html(chart);
  return html.empty() ? "" : "<div class=\"charts\">\n" + html + "</div>\n";
}

std::string checks_html(const LoadReport& report) {
  std::string rows;
  std::size_t count = 0;
  for (const CheckRow& check : checks_in(report.metrics))
    if (++count <= rows_max)
      rows += row(
          check.name,
          cells({fmt::format("<span class=\"{}\">{}</span>", check.failed() == 0 ? "good" : "bad",
                             share_words(check.rate.share())),
                 number_words(double(check.failed())), number_words(double(check.rate.all))}));
  return table("few", heads({"", "true", "failed", "of"}), rows);
}

std::string trend_cells(const Trend& trend) {
  std::string html = cells({number_words(double(trend.count())), time_words(trend.mean()),
                            time_words(double(trend.min()))});
  for (const double percent : {50.0, 90.0, 95.0, 99.0, 99.9})
    html += "<td>" + time_words(double(trend.percentile(percent))) + "</td>";
  return html + cells({time_words(double(trend.max()))});
}

std::string figure_cells(const MetricRow& row, Duration elapsed) {
  const double seconds = to_seconds(elapsed);
  if (const auto* counter = std::get_if<Counter>(&row.value)) {
    const auto words = is_of_bytes(row.metric) ? bytes_words : number_words;
    return cells({words(counter->sum), seconds > 0 ? words(counter->sum / seconds) + "/s" : ""});
  }
  if (const auto* rate = std::get_if<Rate>(&row.value))
    return cells(
        {share_words(rate->share()), fmt::format("{} of {}", number_words(double(rate->trues)),
                                                 number_words(double(rate->all)))});
  const auto& gauge = std::get<Gauge>(row.value);
  return cells({number_words(gauge.last),
                fmt::format("{} to {}", number_words(gauge.min), number_words(gauge.max))});
}

std::string metrics_html(const LoadReport& report) {
  std::string html;
  for (const MetricGroup& group : metric_groups(report)) {
    std::string trends, others;
    for (const MetricRow& one : group.rows) {
      const bool is_part = !one.part.empty();
      const std::string& name = is_part ? one.part : one.metric;
      if (const auto* trend = std::get_if<Trend>(&one.value))
        trends += row(name, trend_cells(*trend), is_part);
      else
        others += row(name, figure_cells(one, report.elapsed), is_part);
    }
    html += section(
        group.title,
        table("", heads({"", "count", "avg", "min", "med", "p90", "p95", "p99", "p99.9", "max"}),
              trends) +
            table("few", heads({"", "", ""}), others));
  }
  return html;
}

std::string errors_html(const LoadReport& report) {
  std::string rows;
  std::size_t count = 0;
  for (const LoadErrors& one : errors_in(report.metrics))
    if (++count <= rows_max)
      rows += row(one.kind, cells({escaped(one.where), number_words(one.count)}));
  return table("few", heads({"", "where", "count"}), rows);
}

std::string faults_html(const LoadReport& report) {
  std::string rows;
  for (std::size_t i = 0; i < std::min(report.faults.size(), rows_max); ++i) {
    const LoadFault& fault = report.faults[i];
    std::string stack;
    if (!fault.stack.empty()) {
      std::string_view left = fault.stack;  // line by line: a line break is a control character
      for (std::size_t end = 0; end != left.npos;
           left.remove_prefix(std::min(left.size(), end + 1)))
        end = left.find('\n'), stack += escaped(left.substr(0, end)) + "\n";
      stack = "<details><summary>stack of the first</summary><pre>" + stack + "</pre></details>";
    }
    rows += fmt::format("<tr><td>{}<br><small>{}</small>{}</td><td>{}</td><td>{}</td></tr>\n",
                        escaped(fault.what), escaped(fault.at), stack, escaped(fault.scenario),
                        number_words(double(fault.count)));
  }
  return table("texts", heads({"what and where", "scenario", "how often"}), rows);
}

std::string generator_html(const LoadReport& report) {
  const GeneratorHealth& health = report.generator;
  if (health.workers == 0) return "";
  const auto strained = [](const Strain& strain) {
    if (strain.total <= 0s) return std::string("never");
    return fmt::format("{} (worker {})", duration_words(strain.total), strain.worker);
  };
  const std::string rows =
      row("CPU of one worker",
          cells({fmt::format("{:.2f} cores", health.cpu_max), strained(health.cpu)})) +
      row("answered late by", cells({time_words(health.lag_ms_max * 1000), strained(health.lag)})) +
      row("garbage collection", cells({share_words(health.gc_share_max), strained(health.gc)})) +
      row("users begun late by",
          cells({time_words(health.late_ms_max * 1000), strained(health.late)})) +
      row("waiting to be sent",
          cells({bytes_words(health.backlog_bytes_max), strained(health.backlog)})) +
      row("memory of all workers", cells({bytes_words(health.resident_mb * 1'048'576), ""}));
  return fmt::format(
             "<p class=\"dim\">{}, {} lost.</p>\n", times_words(double(health.workers), "worker"),
             health.workers_lost == 0 ? "none" : number_words(double(health.workers_lost))) +
         table("few", heads({"", "at most", "over its limit for"}), rows);
}

std::string notes_html(const LoadReport& report) {
  std::string html;
  for (const auto& note : report.notes) html += "<p>" + escaped(note) + "</p>\n";
  return html;
}

}  // namespace

std::string to_html(const LoadReport& report) {
  const std::string body = head_html(report) + doubts_html(report) + verdict_html(report) +
                           Tiles(report).html() + section("Notes", notes_html(report)) +
                           section("Over time", charts_html(course_charts(report))) +
                           section("Latency over time", charts_html(latency_charts(report))) +
                           section("Latency by share", chart_html(percentile_chart(report))) +
                           section("More over time", charts_html(other_charts(report))) +
                           section("Checks", checks_html(report)) + metrics_html(report) +
                           section("Errors", errors_html(report)) +
                           section("Faults of the scenario", faults_html(report)) +
                           section("The generator itself", generator_html(report));
  return page_html("utakata load " + escaped(report.file), body);
}

}  // namespace utakata::load
