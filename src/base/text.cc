#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <ctime>
#include <utility>
#include <vector>

namespace utakata {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ns;
};
constexpr std::array<Unit, 5> units = {{{"d", 86'400'000'000'000},
                                        {"h", 3'600'000'000'000},
                                        {"m", 60'000'000'000},
                                        {"s", 1'000'000'000},
                                        {"ms", 1'000'000}}};

std::size_t distance(std::string_view a, std::string_view b) {  // Levenshtein, two rows
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t swap = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, swap});
    }
  }
  return row.back();
}

}  // namespace

std::string to_text(Duration d) {
  std::int64_t left = d.count();
  if (left < 0) return "-" + to_text(-d);
  if (left < 1'000'000) return left == 0 ? "0s" : fmt::format("{:.2g}ms", double(left) / 1e6);
  if (left >= 60'000'000'000)
    left -= left % 1'000'000'000;  // nobody reads milliseconds beside minutes
  std::string text;
  int parts = 0;
  for (const auto& [name, ns] : units) {
    if (left < ns || parts == 2) continue;
    text += fmt::format("{}{}", left / ns, name);
    left %= ns;
    ++parts;
  }
  return text;
}

std::optional<Duration> duration_from(std::string_view text) {
  std::int64_t sum = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0) return std::nullopt;
    text.remove_prefix(std::size_t(end - text.data()));
    std::size_t letters = 0;
    while (letters < text.size() && std::isalpha(static_cast<unsigned char>(text[letters])))
      ++letters;
    const auto unit = std::ranges::find(units, text.substr(0, letters), &Unit::name);
    if (unit == units.end()) return std::nullopt;
    const double ns = number * double(unit->ns);
    if (!(ns < 3.2e18) || double(sum) + ns > 3.2e18) return std::nullopt;  // about a century
    sum += std::int64_t(ns);
    text.remove_prefix(letters);
  }
  return Duration{sum};
}

std::optional<std::int64_t> bytes_from(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view unit = text.substr(std::size_t(end - text.data()));
  constexpr std::string_view letters = "KMGT";
  if (unit.empty()) return number;
  const auto power = letters.find(char(std::toupper(static_cast<unsigned char>(unit[0]))));
  if (unit.size() > 1 || power == letters.npos) return std::nullopt;
  if (number >= (std::int64_t{1} << 22)) return std::nullopt;
  return number << (10 * (power + 1));
}

std::string to_text(WallTime t) {
  const std::int64_t ms = to_ms(t);
  const std::time_t seconds = std::time_t(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     ms - seconds * 1000);
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string_view> known) {
  std::optional<std::string> best;
  std::size_t best_distance =
      3;  // two slips of the finger; beyond that a guess confuses more than it helps
  for (const auto candidate : known) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance && d < candidate.size()) best_distance = d, best = std::string(candidate);
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() > 40) return "";  // the distance costs the product of both lengths
  const auto near = nearest(word, known);
  return near ? fmt::format(", did you mean `{}`?", *near) : "";
}

std::string in_ticks(std::string_view text) {
  std::string out = "`";
  const bool is_cut = text.size() > 60;
  std::size_t end = is_cut ? 57 : text.size();
  while (is_cut && end > 50 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // not within a UTF-8 letter
  for (const char c : text.substr(0, end))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out + (is_cut ? "...`" : "`");
}

std::string plural(long long n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

}  // namespace utakata
