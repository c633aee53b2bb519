#include "fleet/stack/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "base/text.h"
#include "fleet/model/template.h"
#include "fleet/stack/calendar_text.h"

namespace utakata {
namespace {

template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

// "25%" and "25 %" give 25.
std::optional<double> percent_from(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto number = number_from<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

}  // namespace

std::string called(const Yaml& y) { return y.key.empty() ? "this" : in_ticks(y.key); }

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() > 40) return "";  // the distance costs the product of both lengths
  const auto near = nearest(word, known);
  return near ? fmt::format(", did you mean `{}`?", *near) : "";
}

bool is_reserved_name(std::string_view name) {
  return name == "port" || name == "host" || name == "instance" || name == "ticket" ||
         name == "clusters" || name == "secrets" || name.starts_with("clusters.") ||
         name.starts_with("secrets.");
}

void Reader::mistake(int line, int column, std::string what) {
  if (mistakes.size() < mistakes_max) mistakes.push_back({line, column, std::move(what)});
}
void Reader::mistake(const Yaml& at, std::string what) {
  mistake(at.line, at.column, std::move(what));
}
void Reader::mistake_at_key(const Yaml& at, std::string what) {
  at.key.empty() ? mistake(at, std::move(what))
                 : mistake(at.key_line, at.key_column, std::move(what));
}

std::optional<std::string> Reader::raw(const Yaml& y) {
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

void Reader::parameter_unknown(const Yaml& y, std::string_view name) {
  std::vector<std::string_view> known;
  for (const auto& [each, value] : parameters) known.push_back(each);
  const auto guess = did_you_mean(name, known);
  mistake(y, fmt::format("`${{{}}}` is not known here{} Declare it under `parameters:`, or write "
                         "`$${{{}}}` for the text itself.",
                         name, guess.empty() ? "." : guess, name));
}

std::optional<std::string> Reader::text(const Yaml& y) {
  const auto before = raw(y);
  if (!before) return std::nullopt;
  for (const auto& [at, name, is_broken] : references(*before)) {
    if (is_broken) {
      mistake(y,
              fmt::format("{} is not a reference: write it `${{name}}`, or `$$` for a dollar sign.",
                          in_ticks(name)));
    } else if (is_reserved_name(name)) {
      mistake(y,
              fmt::format("`${{{}}}` has no value in {}: only `run`, `env` and `url` may carry it.",
                          name, called(y)));
    } else if (!parameters.contains(name)) {
      parameter_unknown(y, name);
    } else if (parameters.find(name)->second) {
      continue;
    }
    return std::nullopt;
  }
  return expand(*before,
                [&](std::string_view name) -> std::optional<std::string> {
                  return parameters.find(name)->second;
                })
      .value();
}

void Reader::text(const Yaml& y, std::string& into) {
  if (auto got = text(y)) into = std::move(*got);
}

void Reader::read_template(const Yaml& y, Template& into) {
  const auto before = raw(y);
  if (!before) return;
  for (const auto& [at, name, is_broken] : references(*before)) {
    if (is_broken)
      return mistake(
          y, fmt::format("{} is not a reference: write `$${{...}}` where the shell shall see it.",
                         in_ticks(name)));
    if (!is_reserved_name(name) && !parameters.contains(name)) return parameter_unknown(y, name);
  }
  into.text = expand_known(*before, [&](std::string_view name) -> std::optional<std::string> {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::nullopt : found->second;
  });
}

void Reader::integer(const Yaml& y, int lowest, int highest, int& into) {
  std::optional<std::int64_t> wide;
  integer(y, lowest, highest, wide);
  if (wide) into = int(*wide);
}

void Reader::integer(const Yaml& y, std::int64_t lowest, std::int64_t highest,
                     std::optional<std::int64_t>& into) {
  const auto got = text(y);
  if (!got) return;
  const auto number = number_from<std::int64_t>(*got);
  if (!number || *number < lowest || *number > highest)
    return mistake(y, fmt::format("{} must be a whole number from {} to {}, not {}.", called(y),
                                  lowest, highest, in_ticks(*got)));
  into = number;
}

void Reader::number(const Yaml& y, double highest, std::optional<double>& into) {
  const auto got = text(y);
  if (!got) return;
  const auto number = number_from<double>(*got);
  if (!number || !(*number > 0) || *number > highest)
    return mistake(y,
                   fmt::format("{} must be a number above 0, not {}.", called(y), in_ticks(*got)));
  into = number;
}

void Reader::calendar(const Yaml& y, std::optional<Calendar>& into) {
  const auto got = text(y);
  if (!got) return;
  auto read = parse_calendar(*got);
  if (!read)
    return mistake(y, fmt::format("{} must be a time such as `2026-12-31 20:00`, `Sat 18:30` or "
                                  "cron's `30 18 * * sat`: {}.",
                                  called(y), read.error()));
  into = std::move(*read);
}

static std::string_view city_of(std::string_view zone) {
  return zone.substr(zone.rfind('/') + 1);  // all of it where there is no `/`
}

void Reader::zone(const Yaml& y, Zone& into) {
  const auto got = text(y);
  if (!got) return;
  auto known = zone_of_ ? zone_of_(*got) : *got == "UTC" ? std::optional(Zone{}) : std::nullopt;
  if (!known)
    return mistake(y, fmt::format("{} must be a time zone that this host knows, such as "
                                  "`Asia/Tokyo` or `UTC`, not {}{}",
                                  called(y), in_ticks(*got), zone_guess(*got)));
  into = std::move(*known);
}

// The zone of that city, in whatever case, or the nearest of all.
std::string Reader::zone_guess(std::string_view name) const {
  const auto names = zone_names_ ? zone_names_() : std::vector<std::string>{};
  const auto is_same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b)) ||
           (a == ' ' && b == '_');
  };
  for (const std::string& known : names)
    for (const std::string_view part : {std::string_view(known), city_of(known)})
      if (std::ranges::equal(name, part, is_same))
        return fmt::format(", did you mean `{}`?", known);
  const auto text = did_you_mean(name, std::vector<std::string_view>(names.begin(), names.end()));
  return text.empty() ? "." : text;
}

void Reader::bytes(const Yaml& y, std::optional<std::int64_t>& into) {
  const auto got = text(y);
  if (!got) return;
  const auto size = bytes_from(*got);
  if (!size || *size < 1024 * 1024)
    return mistake(y,
                   fmt::format("{} must be a size of at least 1M, such as `512M` or `2G`, not {}.",
                               called(y), in_ticks(*got)));
  into = size;
}

void Reader::duration(const Yaml& y, Duration lowest, Duration highest, Duration& into) {
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

void Reader::rate(const Yaml& y, double& into) {
  const auto got = text(y);
  if (!got) return;
  double number = 0;
  const auto [end, error] = std::from_chars(got->data(), got->data() + got->size(), number);
  const std::string_view unit(end, std::size_t(got->data() + got->size() - end));
  if (error != std::errc{} || !(number > 0 && number <= 1e6) || (unit != "/s" && unit != "/m"))
    return mistake(y, fmt::format("{} must be a rate of clients such as `50/s` or `600/m`, not {}.",
                                  called(y), in_ticks(*got)));
  into = unit == "/s" ? number : number / 60;
}

void Reader::flag(const Yaml& y, bool& into) {
  const auto got = text(y);
  if (!got) return;
  if (*got != "true" && *got != "false")
    return mistake(y,
                   fmt::format("{} must be `true` or `false`, not {}.", called(y), in_ticks(*got)));
  into = *got == "true";
}

void Reader::share(const Yaml& y, double& into) {
  const auto got = text(y);
  if (!got) return;
  const auto percent = percent_from(*got);
  if (!percent || *percent <= 0 || *percent > 100)
    return mistake(
        y, fmt::format("{} must be a percentage above 0 and up to 100, such as `25%`, not {}.",
                       called(y), in_ticks(*got)));
  into = *percent / 100;
}

void Reader::amount(const Yaml& y, std::optional<Amount>& into) {
  const auto got = text(y);
  if (!got) return;
  if (const auto percent = percent_from(*got); percent && *percent > 0 && *percent <= 10'000) {
    into = Amount{*percent, true};
  } else if (const auto number = number_from<int>(*got);
             number && *number > 0 && *number <= 1'000'000'000) {
    into = Amount{double(*number), false};
  } else {
    mistake(y, fmt::format(
                   "{} must be a percentage such as `30%` or a whole number such as `200`, not {}.",
                   called(y), in_ticks(*got)));
  }
}

void Reader::web_path(const Yaml& y, std::string& into) {
  const auto got = text(y);
  if (!got) return;
  const bool is_clean = got->find_first_of(" \t\r\n") == got->npos;
  if (!got->starts_with('/') || !is_clean)
    return mistake(y, fmt::format("{} must be a path on the instance that begins with `/`, not {}.",
                                  called(y), in_ticks(*got)));
  into = *got;
}

void Reader::path(const Yaml& y, std::string& into) {
  const auto got = text(y);
  if (!got) return;
  if (got->empty() || got->find('\0') != got->npos)
    return mistake(y, fmt::format("{} must be a path, not {}.", called(y), in_ticks(*got)));
  into = (std::filesystem::path(folder_) / *got).lexically_normal().string();
  if (into.size() > 1 && into.ends_with('/')) into.pop_back();
}

void Reader::texts(const Yaml& y, std::vector<std::string>& into) {
  std::vector<std::string> all;
  if (y.kind == Yaml::Kind::list) {
    for (const Yaml& item : y.items)
      if (auto got = text(item)) all.push_back(std::move(*got));
  } else if (auto got = text(y)) {
    all.push_back(std::move(*got));
  }
  into = std::move(all);
}

bool Reader::name(int line, int column, std::string_view text, std::string_view noun) {
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
