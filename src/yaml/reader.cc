#include "yaml/reader.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace utakata {

std::optional<double> percent_from(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto number = number_from<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::string called(const Yaml& y) { return y.key.empty() ? "this" : in_ticks(y.key); }

void YamlReader::mistake(int line, int column, std::string what) {
  if (mistakes.size() < mistakes_max) mistakes.push_back({line, column, std::move(what)});
}

void YamlReader::mistake(const Yaml& at, std::string what) {
  mistake(at.line, at.column, std::move(what));
}

void YamlReader::mistake_at_key(const Yaml& at, std::string what) {
  at.key.empty() ? mistake(at, std::move(what))
                 : mistake(at.key_line, at.key_column, std::move(what));
}

std::optional<std::string> YamlReader::raw(const Yaml& y) {
  switch (y.kind) {
    case Yaml::Kind::text:
      return y.text;
    case Yaml::Kind::refused:
      return std::nullopt;
    case Yaml::Kind::nothing:
      mistake_at_key(y, fmt::format("{} has no value: give it one, or remove the key.", called(y)));
      break;
    case Yaml::Kind::list:
      mistake(y, fmt::format("{} must be one value, not a list.", called(y)));
      break;
    case Yaml::Kind::map:
      mistake(y, fmt::format("{} must be one value, not keys and values.", called(y)));
      break;
  }
  return std::nullopt;
}

void YamlReader::text(const Yaml& y, std::string& into) {
  if (auto got = text(y)) into = std::move(*got);
}

void YamlReader::integer(const Yaml& y, int lowest, int highest, int& into) {
  std::optional<std::int64_t> wide;
  integer(y, lowest, highest, wide);
  if (wide) into = int(*wide);
}

void YamlReader::integer(const Yaml& y, std::int64_t lowest, std::int64_t highest,
                         std::optional<std::int64_t>& into) {
  const auto got = text(y);
  if (!got) return;
  const auto number = number_from<std::int64_t>(*got);
  if (!number || *number < lowest || *number > highest)
    return mistake(y, fmt::format("{} must be a whole number from {} to {}, not {}.", called(y),
                                  lowest, highest, in_ticks(*got)));
  into = number;
}

void YamlReader::number(const Yaml& y, double highest, std::optional<double>& into) {
  const auto got = text(y);
  if (!got) return;
  const auto number = number_from<double>(*got);
  if (!number || !(*number > 0) || *number > highest)
    return mistake(y,
                   fmt::format("{} must be a number above 0, not {}.", called(y), in_ticks(*got)));
  into = number;
}

void YamlReader::bytes(const Yaml& y, std::int64_t lowest, std::optional<std::int64_t>& into) {
  const auto got = text(y);
  if (!got) return;
  const auto size = bytes_from(*got);
  if (!size || *size < lowest)
    return mistake(y,
                   fmt::format("{} must be a size of at least {}, such as `512M` or `2G`, not {}.",
                               called(y), lowest >= 1024 * 1024 ? "1M" : "1K", in_ticks(*got)));
  into = size;
}

void YamlReader::duration(const Yaml& y, Duration lowest, Duration highest, Duration& into) {
  const auto got = text(y);
  if (!got) return;
  const auto time = duration_from(*got);
  if (!time)
    return mistake(
        y, fmt::format("{} must be a time such as `500ms`, `3s`, `10m`, `1h` or `2d`, not {}.",
                       called(y), in_ticks(*got)));
  if (*time < lowest || *time > highest)
    return mistake(y, fmt::format("{} must be a time from {} to {}, not {}.", called(y),
                                  to_text(lowest), to_text(highest), in_ticks(*got)));
  into = *time;
}

void YamlReader::rate(const Yaml& y, double& into) {
  const auto got = text(y);
  if (!got) return;
  double number = 0;
  const auto [end, error] = std::from_chars(got->data(), got->data() + got->size(), number);
  const std::string_view unit(end, std::size_t(got->data() + got->size() - end));
  if (error != std::errc{} || !(number > 0 && number <= 1e6) || (unit != "/s" && unit != "/m"))
    return mistake(y, fmt::format("{} must be a rate such as `50/s` or `600/m`, not {}.", called(y),
                                  in_ticks(*got)));
  into = unit == "/s" ? number : number / 60;
}

void YamlReader::flag(const Yaml& y, bool& into) {
  const auto got = text(y);
  if (!got) return;
  if (*got != "true" && *got != "false")
    return mistake(y,
                   fmt::format("{} must be `true` or `false`, not {}.", called(y), in_ticks(*got)));
  into = *got == "true";
}

void YamlReader::share(const Yaml& y, double& into) {
  const auto got = text(y);
  if (!got) return;
  const auto percent = percent_from(*got);
  if (!percent || *percent <= 0 || *percent > 100)
    return mistake(
        y, fmt::format("{} must be a percentage above 0 and up to 100, such as `25%`, not {}.",
                       called(y), in_ticks(*got)));
  into = *percent / 100;
}

void YamlReader::texts(const Yaml& y, std::vector<std::string>& into) {
  std::vector<std::string> all;
  if (y.kind == Yaml::Kind::list) {
    for (const Yaml& item : y.items)
      if (auto got = text(item)) all.push_back(std::move(*got));
  } else if (auto got = text(y)) {
    all.push_back(std::move(*got));
  }
  into = std::move(all);
}

bool YamlReader::name(int line, int column, std::string_view text, std::string_view noun) {
  const auto is_low = [](char c) { return c >= 'a' && c <= 'z'; };
  bool is_good = !text.empty() && text.size() <= 40 && is_low(text[0]) && !text.ends_with('-');
  for (const char c : text) is_good = is_good && (is_low(c) || (c >= '0' && c <= '9') || c == '-');
  if (!is_good)
    mistake(line, column,
            fmt::format(
                "{} is no name for a {}: use at most 40 of a-z, 0-9 and `-`, with a letter first.",
                in_ticks(text), noun));
  return is_good;
}

}  // namespace utakata
