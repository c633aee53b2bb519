#include "load/report/csv.h"

#include <fmt/format.h>

#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

// A name that begins as a formula does would be one in a spreadsheet: it gets a `'` in front.
std::string cell(std::string_view foreign) {
  std::string text = harmless(foreign);
  if (!text.empty() && std::string_view("=+-@").contains(text.front())) text.insert(0, "'");
  if (text.find_first_of(",\"") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string counts(double count, Duration length) {
  const double seconds = to_seconds(length);
  return fmt::format("{},{:.6g}", count, seconds > 0 ? count / seconds : 0);
}

std::string figures(const MetricValue& value, Duration length) {
  if (const auto* counter = std::get_if<Counter>(&value))
    return counts(counter->sum, length) + ",,,,,,,";
  if (const auto* rate = std::get_if<Rate>(&value))
    return fmt::format("{},{:.6g},,,,,,", counts(double(rate->all), length), rate->share());
  if (const auto* gauge = std::get_if<Gauge>(&value))
    return fmt::format(",,{},{},,,,,{}", gauge->last, gauge->min, gauge->max);
  const auto& trend = std::get<Trend>(value);
  std::string text = fmt::format("{},{:.6g},{}", counts(double(trend.count()), length),
                                 trend.mean() / 1000, double(trend.min()) / 1000);
  for (const double percent : {50.0, 90.0, 95.0, 99.0})
    text += fmt::format(",{}", double(trend.percentile(percent)) / 1000);
  return text + fmt::format(",{}", double(trend.max()) / 1000);
}

}  // namespace

std::string to_csv(const LoadReport& report) {
  std::string text =
      "at_s,length_s,users,sockets,metric,kind,count,per_s,avg,min,med,p90,p95,p99,max\r\n";
  for (const LoadPoint& point : report.points)
    for (const auto& [name, value] : point.measured)
      text += fmt::format("{:.3f},{:.3f},{},{},{},{},{}\r\n", to_seconds(point.at),
                          to_seconds(point.length), point.users, point.sockets, cell(name),
                          to_text(kind_of(value)), figures(unpacked(value), point.length));
  return text;
}

}  // namespace utakata::load
