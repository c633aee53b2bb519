#include "load/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "load/report/errors.h"
#include "load/report/figures.h"
#include "load/report/metric_rows.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

constexpr std::size_t width = 100, name_width = 28, figure_width = 10;
constexpr std::size_t faults_max = 10, checks_max = 30, errors_max = 15;

enum class Tone : std::uint8_t { good, bad, warn, bold, dim };

class Summary {
 public:
  Summary(const LoadReport& report, bool has_colour) : report_(report), has_colour_(has_colour) {}

  std::string text() {
    head();
    doubts();
    thresholds();
    checks();
    for (const MetricGroup& group : metric_groups(report_)) table(group);
    errors();
    faults();
    generator();
    return std::move(text_);
  }

 private:
  std::string toned(std::string_view text, Tone tone) const {
    constexpr std::array codes = {"32", "31", "33", "1", "2"};
    if (!has_colour_) return std::string(text);
    return fmt::format("\033[{}m{}\033[0m", codes[std::size_t(tone)], text);
  }
  void line(std::string_view text) {
    text_ += text.substr(0, text.find_last_not_of(' ') + 1);
    text_ += '\n';
  }
  void title(std::string_view text) { text_ += "\n" + toned(text, Tone::bold) + "\n"; }
  // With a mark before it, in as many lines as it needs.
  void item(std::string_view mark, Tone tone, std::string_view text) {
    line(fmt::format("  {} {}", toned(mark, tone), wrapped(harmless(text), width - 4, 4)));
  }
  void more(std::size_t all, std::size_t shown, std::string_view what) {
    if (all > shown) line(toned(fmt::format("    and {} more {}", all - shown, what), Tone::dim));
  }

  void head() {
    const auto& r = report_;
    line(toned(fmt::format("utakata load {}", cut(harmless(r.file), width - 13)), Tone::bold));
    if (!r.plan.empty()) line("  " + wrapped(harmless(r.plan), width - 2, 2));
    std::string end = fmt::format("  {} after {}", to_text(r.end), duration_words(r.elapsed));
    if (r.end != LoadEnd::done && r.planned > 0s)
      end += fmt::format(" of {}", duration_words(r.planned));
    line(end + fmt::format(", begun {}", utakata::to_text(r.started).substr(0, 19) + "Z"));
  }

  void doubts() {
    if (report_.is_valid()) return;
    title("NOT VALID: these figures are not the servers'");
    for (const auto& doubt : report_.doubts) item("!", Tone::warn, doubt);
  }

  void thresholds() {
    const auto missed = std::size_t(std::ranges::count_if(
        report_.thresholds, [](const auto& one) { return !one.verdict.is_kept; }));
    if (report_.thresholds.empty()) return;
    title(missed == 0
              ? "Thresholds: all kept"
              : fmt::format("Thresholds: {} of {} missed", missed, report_.thresholds.size()));
    for (const bool is_kept : {false, true})
      for (const auto& [threshold, verdict] : report_.thresholds)
        if (verdict.is_kept == is_kept)
          item(is_kept ? "✓" : "✗", is_kept ? Tone::good : Tone::bad, verdict.because);
  }

  void checks() {
    const auto rows = checks_in(report_.metrics);
    if (rows.empty()) return;
    Rate all;
    for (const CheckRow& row : rows) all.trues += row.rate.trues, all.all += row.rate.all;
    title(fmt::format("Checks: {} of {}", share_words(all.share()), number_words(double(all.all))));
    for (std::size_t i = 0; i < std::min(rows.size(), checks_max); ++i) {
      const auto& [name, rate] = rows[i];
      const bool is_good = rate.trues == rate.all;
      std::string text = at_left(harmless(name), 52) + at_right(share_words(rate.share()), 12);
      text += is_good ? fmt::format("  of {}", number_words(double(rate.all)))
                      : fmt::format("  {} of {} failed", number_words(double(rows[i].failed())),
                                    number_words(double(rate.all)));
      line(fmt::format("  {} {}", toned(is_good ? "✓" : "✗", is_good ? Tone::good : Tone::bad),
                       text));
    }
    more(rows.size(), checks_max, "checks");
  }

  void table(const MetricGroup& group) {
    const bool has_trends = std::ranges::any_of(
        group.rows, [](const MetricRow& row) { return kind_of(row.value) == MetricKind::trend; });
    const std::string words =
        has_trends ? figures({"avg", "min", "med", "p(90)", "p(95)", "p(99)", "max"}) : "";
    text_ += '\n';
    line(toned(group.title, Tone::bold) +
         std::string(name_width + 2 - std::min(name_width, group.title.size()), ' ') +
         toned(words, Tone::dim));
    for (const MetricRow& row : group.rows) {
      const std::string name = row.part.empty() ? harmless(row.metric) : "  " + harmless(row.part);
      line("  " + at_left(name, name_width) + value_text(row));
    }
  }

  static std::string figures(const std::array<std::string, 7>& all) {
    std::string text;
    for (const auto& figure : all) text += at_right(figure, figure_width);
    return text;
  }

  std::string value_text(const MetricRow& row) const {
    if (const auto* trend = std::get_if<Trend>(&row.value)) return trend_text(*trend);
    if (const auto* rate = std::get_if<Rate>(&row.value))
      return at_right(share_words(rate->share()), figure_width) +
             fmt::format("  {} of {}", number_words(double(rate->trues)),
                         number_words(double(rate->all)));
    if (const auto* counter = std::get_if<Counter>(&row.value))
      return counter_text(*counter, is_of_bytes(row.metric));
    const auto& gauge = std::get<Gauge>(row.value);
    return at_right(number_words(gauge.last), figure_width) +
           fmt::format("  {} to {}", number_words(gauge.min), number_words(gauge.max));
  }

  static std::string trend_text(const Trend& trend) {
    const auto at = [&](double percent) { return time_words(double(trend.percentile(percent))); };
    return figures({time_words(trend.mean()), time_words(double(trend.min())), at(50), at(90),
                    at(95), at(99), time_words(double(trend.max()))});
  }

  std::string counter_text(const Counter& counter, bool is_bytes) const {
    const auto words = [&](double number) {
      return is_bytes ? bytes_words(number) : number_words(number);
    };
    const double seconds = to_seconds(report_.elapsed);
    return at_right(words(counter.sum), 2 * figure_width) +
           (seconds > 0 ? at_right(words(counter.sum / seconds) + "/s", 2 * figure_width) : "");
  }

  void errors() {
    const auto all = errors_in(report_.metrics);
    if (all.empty()) return;
    title("Errors");
    for (std::size_t i = 0; i < std::min(all.size(), errors_max); ++i)
      line("  " + at_left(harmless(all[i].words()), name_width) +
           at_right(number_words(all[i].count), 2 * figure_width));
    more(all.size(), errors_max, "kinds");
  }

  void faults() {
    if (report_.faults.empty()) return;
    title("Faults of the scenario");
    for (std::size_t i = 0; i < std::min(report_.faults.size(), faults_max); ++i) {
      const LoadFault& fault = report_.faults[i];
      const std::string times = number_words(double(fault.count)) + " x ";
      line("  " + toned(times, Tone::bad) +
           wrapped(cut(harmless(fault.what), 300), width - 2 - times.size(), 4));
      std::string place = harmless(fault.at);
      if (!fault.scenario.empty())
        place += (place.empty() ? "in " : ", in ") + harmless(fault.scenario);
      if (!place.empty()) line("    " + toned(cut(place, width - 4), Tone::dim));
    }
    more(report_.faults.size(), faults_max, "faults");
  }

  void generator() {
    const GeneratorHealth& health = report_.generator;
    text_ += '\n';
    if (health.workers > 0)
      line(wrapped(
          fmt::format("Generator, at its worst: {}, {:.2f} cores in one, late by {}, garbage "
                      "collection {}, users begun late by {}, {} in all.",
                      times_words(double(health.workers), "worker"), health.cpu_max,
                      time_words(health.lag_ms_max * 1000), share_words(health.gc_share_max),
                      time_words(health.late_ms_max * 1000),
                      bytes_words(health.resident_mb * 1'048'576)),
          width, 2));
    for (const auto& note : report_.notes) item("-", Tone::dim, note);
  }

  const LoadReport& report_;
  const bool has_colour_;
  std::string text_;
};

}  // namespace

std::string summary_of(const LoadReport& report, bool has_colour) {
  return Summary(report, has_colour).text();
}

}  // namespace utakata::load
