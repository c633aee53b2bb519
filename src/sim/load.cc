#include "sim/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <numbers>

#include "base/text.h"

namespace utakata {
namespace {

constexpr std::size_t kRowsMax = 1'000'000;
constexpr std::size_t kNumberMax = 64;   // characters; longer ones are no numbers of people
constexpr double kConnectionsMax = 1e9;  // whole numbers of a double far beyond, sums included
constexpr double kSecondsMax = 3e9;      // nearly a century; nanoseconds end at three
constexpr Duration kGapMax = std::chrono::days{1};

template <class... Parts>
std::unexpected<std::string> wrong(std::size_t line, fmt::format_string<Parts...> format,
                                   Parts&&... parts) {
  return std::unexpected(
      fmt::format("line {}: {}", line, fmt::format(format, std::forward<Parts>(parts)...)));
}

// Foreign text for a message: short, and without what would drive a terminal.
std::string shown(std::string_view field) {
  constexpr std::size_t kShown = 40;
  std::string text{field.substr(0, kShown)};
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return field.size() > kShown ? text + "..." : text;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The lines of a text with their numbers, LF or CRLF; the empty ones are passed over.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next() {
    while (!rest_.empty()) {
      const auto end = rest_.find('\n');
      line = rest_.substr(0, end);
      rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
      ++number;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!trimmed(line).empty()) return true;
    }
    return false;
  }
  std::string_view line;
  std::size_t number = 0;

 private:
  std::string_view rest_;
};

// The fields of one line, one after the other; what comes after the last one asked for costs
// nothing.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  bool next() {  // false: there is none, or `is_broken`
    if (is_end_ || is_broken) return false;
    const auto first = rest_.find_first_not_of(" \t");
    if (first != rest_.npos && rest_[first] == '"') return next_quoted(first + 1);
    const auto comma = rest_.find(',');
    field = trimmed(rest_.substr(0, comma));
    step(comma);
    return true;
  }
  std::string field;
  bool is_broken = false;  // a quote that is not closed, or with something behind it

 private:
  bool next_quoted(std::size_t begin) {
    field.clear();
    for (std::size_t at = begin;;) {
      const auto quote = rest_.find('"', at);
      if (quote == rest_.npos) return is_broken = true, false;
      field += rest_.substr(at, quote - at);
      at = quote + 1;
      if (at < rest_.size() && rest_[at] == '"') {
        field += '"';
        ++at;
        continue;
      }
      const auto comma = rest_.find_first_not_of(" \t", at);
      if (comma != rest_.npos && rest_[comma] != ',') return is_broken = true, false;
      field = std::string(trimmed(field));
      step(comma);
      return true;
    }
  }
  void step(std::size_t comma) {
    is_end_ = comma == rest_.npos;
    rest_.remove_prefix(is_end_ ? rest_.size() : comma + 1);
  }
  std::string_view rest_;
  bool is_end_ = false;
};

std::unexpected<std::string> wrong_quote(std::size_t line) {
  return wrong(line, "a quoted field has no end, or more behind it; close it on its line with \"");
}

struct Columns {
  std::size_t connections = 0, time = 0;
  bool is_wall = false;  // `time`, not `seconds`
};

std::expected<Columns, std::string> read_header(const Lines& lines) {
  constexpr std::array<std::string_view, 3> names = {"connections", "seconds", "time"};
  std::array<std::optional<std::size_t>, 3> found;
  std::string all;
  std::size_t count = 0;
  Fields fields(lines.line);
  for (; fields.next(); ++count) {
    if (count < 6)
      all += count < 5 ? fmt::format("{}`{}`", count ? ", " : "", shown(fields.field)) : ", ...";
    const auto name = std::ranges::find(names, fields.field);
    if (name == names.end()) continue;
    auto& place = found[std::size_t(name - names.begin())];
    if (place)
      return wrong(lines.number, "the column `{}` is there twice; name one of them otherwise",
                   *name);
    place = count;
  }
  if (fields.is_broken) return wrong_quote(lines.number);
  const auto missing = [&](std::string_view what) {
    return wrong(lines.number,
                 "there is no column {} in the header, only {}; name one so, with commas between "
                 "the columns",
                 what, all);
  };
  if (!found[0]) return missing("`connections`");
  if (!found[1] && !found[2]) return missing("`seconds` or `time`");
  return Columns{*found[0], found[1] ? *found[1] : *found[2], !found[1]};
}

struct Cells {
  std::string connections, time;
};

std::expected<Cells, std::string> read_cells(const Lines& lines, const Columns& columns) {
  Cells cells;
  Fields fields(lines.line);
  const std::size_t last = std::max(columns.connections, columns.time);
  for (std::size_t i = 0; i <= last; ++i) {
    if (!fields.next()) {
      if (fields.is_broken) return wrong_quote(lines.number);
      return wrong(lines.number, "it ends after {}, but {} of the header are needed; fill it up",
                   plural(static_cast<long long>(i), "field"), last + 1);
    }
    if (i == columns.connections) cells.connections = fields.field;
    if (i == columns.time) cells.time = fields.field;
  }
  return cells;
}

std::expected<double, std::string> read_number(std::size_t line, std::string_view name,
                                               std::string_view text, double highest) {
  if (text.empty()) return wrong(line, "{} is empty; write a number or leave the line out", name);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.size() > kNumberMax || end != text.data() + text.size() || std::isnan(number) ||
      error == std::errc::invalid_argument)
    return wrong(line, "{} `{}` is not a number; write it like 1200 or 0.5", name, shown(text));
  if (text.starts_with('-') && (number != 0 || error != std::errc{}))
    return wrong(line, "{} {} is negative; it counts from 0 upwards", name, shown(text));
  // Out of range is far too high here, or nearly nothing: the exponent tells.
  if (error == std::errc::result_out_of_range && text.find('-') != text.npos) return 0.0;
  if (error != std::errc{} || number > highest)
    return wrong(line, "{} {} is too high; {} is the most", name, shown(text), highest);
  return std::abs(number);
}

// Digits only, `text` as long as the number is wide.
std::optional<int> digits(std::string_view text) {
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// What stands behind the seconds: nothing, `Z`, or a fraction before it.
std::optional<Duration> fraction_from(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  if (text.empty()) return Duration{0};
  if (text.front() != '.' || text.size() < 2 || text.size() > 10) return std::nullopt;
  const auto number = digits(text.substr(1));
  if (!number) return std::nullopt;
  std::int64_t ns = *number;
  for (auto i = text.size(); i < 10; ++i) ns *= 10;
  return Duration{ns};
}

struct Moment {  // a WallTime is too coarse, and nanoseconds since 1970 end in 2262
  std::chrono::sys_seconds second{};
  Duration rest{};
};

std::optional<Moment> moment_from(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view form = "0000-00-00 00:00:00";
  if (text.size() < form.size() || text.size() > form.size() + 11) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] != '0' && text[i] != form[i] && !(form[i] == ' ' && text[i] == 'T'))
      return std::nullopt;
  std::array<int, 6> parts{};
  constexpr std::array<std::size_t, 6> places = {0, 5, 8, 11, 14, 17};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = digits(text.substr(places[i], i == 0 ? 4 : 2));
    if (!number) return std::nullopt;
    parts[i] = *number;
  }
  const auto rest = fraction_from(text.substr(form.size()));
  const year_month_day date{year{parts[0]}, month{unsigned(parts[1])}, day{unsigned(parts[2])}};
  if (!rest || !date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return std::nullopt;
  return Moment{sys_days{date} + hours{parts[3]} + minutes{parts[4]} + seconds{parts[5]}, *rest};
}

// Row after row into a curve; knows the row before it.
class LoadReader {
 public:
  explicit LoadReader(Columns columns) : columns_(columns) {}

  std::expected<void, std::string> add(const Lines& lines) {
    const std::size_t line = lines.number;
    if (curve_.points.size() == kRowsMax)
      return wrong(line, "there are more than a million rows; take one for each second or minute");
    const auto cells = read_cells(lines, columns_);
    if (!cells) return std::unexpected(cells.error());
    const auto at = columns_.is_wall ? since_first(line, cells->time) : since(line, cells->time);
    if (!at) return std::unexpected(at.error());
    if (const auto fits = follows(line, *at, cells->time); !fits) return fits;
    const auto people = read_number(line, "connections", cells->connections, kConnectionsMax);
    if (!people) return std::unexpected(people.error());
    curve_.points.push_back({*at, *people});
    line_before_ = line;
    return {};
  }
  LoadCurve take() { return std::move(curve_); }
  bool is_empty() const { return curve_.points.empty(); }

 private:
  static std::expected<Duration, std::string> since(std::size_t line, std::string_view text) {
    const auto number = read_number(line, "seconds", text, kSecondsMax);
    if (!number) return std::unexpected(number.error());
    return from_seconds(*number);
  }

  std::expected<Duration, std::string> since_first(std::size_t line, std::string_view text) {
    const auto moment = moment_from(text);
    if (!moment)
      return wrong(line, "time `{}` is not a time; write it in UTC like 2026-12-31T20:00:00Z",
                   shown(text));
    if (!first_) {
      first_ = moment;
      curve_.began = WallTime{moment->second.time_since_epoch()} +
                     std::chrono::floor<std::chrono::milliseconds>(moment->rest);
    }
    const auto whole = moment->second - first_->second;
    if (std::abs(double(whole.count())) > kSecondsMax)
      return wrong(line, "time {} is decades away from the first one; correct it", shown(text));
    return whole + (moment->rest - first_->rest);
  }

  std::expected<void, std::string> follows(std::size_t line, Duration at,
                                           std::string_view text) const {
    const bool is_first = curve_.points.empty();
    const Duration before = is_first ? Duration{0} : curve_.points.back().at;
    if (is_first && at > kGapMax)
      return wrong(line,
                   "seconds {} of the first row is more than a day after the beginning; count from "
                   "the beginning, or name the column `time` and write 2026-12-31T20:00:00Z",
                   shown(text));
    if (!is_first && at <= before)
      return wrong(line, "{} is not after that of line {}; sort the rows by time, each time once",
                   shown(text), line_before_);
    if (at - before > kGapMax)
      return wrong(line, "{} is more than a day after line {}; put rows between them", shown(text),
                   line_before_);
    return {};
  }

  Columns columns_;
  LoadCurve curve_;
  std::optional<Moment> first_;
  std::size_t line_before_ = 0;
};

LoadCurve curve_of(std::string_view name, double connections, Duration length,
                   std::initializer_list<std::pair<double, double>> shares) {
  LoadCurve curve{.name = std::string(name), .points = {}, .began = {}};
  for (const auto& [at, share] : shares)
    curve.points.push_back({from_seconds(to_seconds(length) * at), connections * share});
  return curve;
}

LoadCurve diurnal(double connections, Duration length) {
  constexpr int kPieces = 96;  // a quarter of an hour each, where the length is a day
  LoadCurve curve{.name = "diurnal", .points = {}, .began = {}};
  for (int i = 0; i <= kPieces; ++i) {
    const double wave = std::cos(2 * std::numbers::pi * i / kPieces);  // 1, -1 in the middle, 1
    curve.points.push_back({length / kPieces * i, connections * (0.6 - 0.4 * wave)});
  }
  curve.points.back().at = length;
  return curve;
}

}  // namespace

double LoadCurve::at(Duration since) const {
  const auto after = std::ranges::upper_bound(points, since, {}, &Point::at);
  if (after == points.begin()) return points.front().connections;
  if (after == points.end()) return points.back().connections;
  const Point& before = *std::prev(after);
  const double share = to_seconds(since - before.at) / to_seconds(after->at - before.at);
  return before.connections + (after->connections - before.connections) * share;
}

double LoadCurve::rise_at(Duration since) const {
  const auto after = std::ranges::upper_bound(points, since, {}, &Point::at);
  if (after == points.begin() || after == points.end()) return 0;
  const Point& before = *std::prev(after);
  return (after->connections - before.connections) / to_seconds(after->at - before.at);
}

double LoadCurve::highest() const {
  return std::ranges::max_element(points, {}, &Point::connections)->connections;
}

std::optional<LoadCurve> shape_of(std::string_view name, double connections, Duration length) {
  if (name == "steady") return curve_of(name, connections, length, {{0, 0}, {0.1, 1}, {1, 1}});
  if (name == "spike") {
    // A minute; less where the length is so short that the way back would not find room.
    const double minute = std::min(1 / 8.0, 60 / std::max(1.0, to_seconds(length)));
    return curve_of(name, connections, length,
                    {{0, 0.1}, {0.5, 0.1}, {0.5 + minute, 1}, {0.75 + minute, 0.1}, {1, 0.1}});
  }
  if (name == "tv-show")
    return curve_of(
        name, connections, length,
        {{0, 0.1}, {0.25, 0.1}, {0.25 + 0.25 * 5 / 6, 0.1 + 0.9 / 3}, {0.5, 1}, {0.9, 1}, {1, 0}});
  if (name == "diurnal") return diurnal(connections, length);
  return std::nullopt;
}

std::expected<LoadCurve, std::string> read_load(std::string_view csv) {
  if (csv.starts_with("\xef\xbb\xbf")) csv.remove_prefix(3);  // Excel's mark of UTF-8
  Lines lines(csv);
  if (!lines.next())
    return wrong(1, "there is nothing in it; begin with a header such as seconds,connections");
  const auto columns = read_header(lines);
  if (!columns) return std::unexpected(columns.error());
  LoadReader reader(*columns);
  while (lines.next())
    if (const auto added = reader.add(lines); !added) return std::unexpected(added.error());
  if (reader.is_empty())
    return wrong(lines.number, "no row follows the header; write at least one, such as 0,100");
  return reader.take();
}

}  // namespace utakata
