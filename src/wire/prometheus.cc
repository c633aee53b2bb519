#include "wire/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace utakata::wire {
namespace {

constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

void skip_blank(std::string_view& text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) text.remove_prefix(1);
}

// Takes a metric's name (colons allowed) or a label's off the front; empty: none is there.
std::string_view take_name(std::string_view& text, bool with_colons) {
  std::size_t size = 0;
  while (size < text.size() && (is_letter(text[size]) || (with_colons && text[size] == ':') ||
                                (size > 0 && is_digit(text[size]))))
    ++size;
  const auto name = text.substr(0, size);
  text.remove_prefix(size);
  return name;
}

// `"..."` with \\, \" and \n in it.
std::optional<std::string> take_quoted(std::string_view& text) {
  if (text.empty() || text[0] != '"') return std::nullopt;
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] != '\\') {
      value += text[i];
    } else if (++i < text.size()) {
      if (text[i] == 'n')
        value += '\n';
      else if (text[i] == '\\' || text[i] == '"')
        value += text[i];
      else
        (value += '\\') += text[i];  // unknown escapes stay as they are
    }
  }
  return std::nullopt;
}

using Labels = std::vector<std::pair<std::string, std::string>>;

// `{a="x", b="y",}` if one is there. False: it is malformed.
bool take_labels(std::string_view& text, Labels& labels) {
  if (text.empty() || text[0] != '{') return true;
  text.remove_prefix(1);
  for (;;) {
    skip_blank(text);
    if (text.starts_with('}')) break;
    const auto name = take_name(text, false);
    skip_blank(text);
    if (name.empty() || !text.starts_with('=')) return false;
    text.remove_prefix(1);
    skip_blank(text);
    auto value = take_quoted(text);
    if (!value) return false;
    labels.emplace_back(name, std::move(*value));
    skip_blank(text);
    if (text.starts_with(','))
      text.remove_prefix(1);
    else if (!text.starts_with('}'))
      return false;
  }
  text.remove_prefix(1);
  return true;
}

std::string_view take_word(std::string_view& text) {
  skip_blank(text);
  const auto word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

std::optional<double> number_from(std::string_view word) {
  if (word.starts_with('+')) word.remove_prefix(1);
  if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;  // from_chars reads inf and infinity in any case, as Go's ParseFloat does
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || end != word.data() + word.size() || error == std::errc::invalid_argument)
    return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::nullopt;
  return value;
}

// Value, and perhaps a timestamp or OpenMetrics' exemplar, neither of which is of interest.
std::optional<double> take_value(std::string_view text) {
  const auto value = number_from(take_word(text));
  const auto stamp = take_word(text);
  if (!value || (!stamp.empty() && stamp != "#" && !number_from(stamp))) return std::nullopt;
  skip_blank(text);
  if (!text.empty() && stamp != "#" && text[0] != '#') return std::nullopt;
  return value;
}

bool has_all(const Labels& labels, const Labels& wanted) {
  return std::ranges::all_of(
      wanted, [&](const auto& one) { return std::ranges::find(labels, one) != labels.end(); });
}

// False: the line is malformed.
bool read_sample(std::string_view line, std::span<const PrometheusSelector> selectors,
                 std::vector<PrometheusSum>& sums) {
  const auto name = take_name(line, true);
  if (name.empty()) return false;
  if (!line.starts_with('{') && !line.starts_with(' ') && !line.starts_with('\t')) return false;
  if (std::ranges::find(selectors, name, &PrometheusSelector::name) == selectors.end()) return true;
  Labels labels;
  skip_blank(line);
  if (!take_labels(line, labels)) return false;
  const auto value = take_value(line);
  if (!value) return false;
  for (std::size_t i = 0; i < selectors.size(); ++i)
    if (selectors[i].name == name && has_all(labels, selectors[i].labels))
      sums[i].value += *value, ++sums[i].samples;
  return true;
}

std::string excerpt(std::string_view line) {  // printable, short
  std::string text;
  for (const char c : line.substr(0, 40)) text += c >= 0x20 && c < 0x7f ? c : '?';
  return line.size() > 40 ? text + "..." : text;
}

void append_escaped(std::string& out, std::string_view text, bool with_quotes) {
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\\' || (with_quotes && c == '"'))
      (out += '\\') += c;
    else
      out += c;
  }
}

}  // namespace

Expected<PrometheusSelector> prometheus_selector(std::string_view text) {
  PrometheusSelector selector;
  std::string_view left = text;
  selector.name = take_name(left, true);
  const bool is_whole =
      !selector.name.empty() && take_labels(left, selector.labels) && left.empty();
  if (is_whole) return selector;
  return problem(
      Problem::Kind::invalid,
      fmt::format("`{}` is not a Prometheus metric: write name or name{{label=\"value\"}}",
                  excerpt(text)));
}

Expected<std::vector<PrometheusSum>> prometheus_sums(
    std::string_view text, std::span<const PrometheusSelector> selectors) {
  std::vector<PrometheusSum> sums(selectors.size());
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    skip_blank(line);
    if (line.empty() || line[0] == '#') continue;
    if (!read_sample(line, selectors, sums))
      return problem(
          Problem::Kind::invalid,
          fmt::format("line {} is not in the Prometheus text format: {}", number, excerpt(line)));
  }
  return sums;
}

void PrometheusWriter::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP ";
  (text_ += name) += ' ';
  append_escaped(text_, help, false);
  text_ += "\n# TYPE ";
  ((text_ += name) += ' ') += type;
  text_ += '\n';
}

void PrometheusWriter::head(std::string_view part, std::span<const Label> labels) {
  (text_ += name_) += part;
  char before = '{';
  for (const auto& [name, value] : labels) {
    text_ += before;
    (text_ += name) += "=\"";
    append_escaped(text_, value, true);
    text_ += '"';
    before = ',';
  }
  text_ += labels.size() > 0 ? "} " : " ";
}

void PrometheusWriter::sample(Labels labels, double value) { sample_of("", labels, value); }

void PrometheusWriter::sample_of(std::string_view part, std::span<const Label> labels,
                                 double value) {
  head(part, labels);
  if (std::isnan(value))
    text_ += "NaN";
  else if (std::isinf(value))
    text_ += value > 0 ? "+Inf" : "-Inf";
  else
    fmt::format_to(std::back_inserter(text_), "{}", value);
  text_ += '\n';
}

void PrometheusWriter::sample(Labels labels, std::int64_t value) {
  head("", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

}  // namespace utakata::wire
