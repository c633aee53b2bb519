#include "fleet/stack/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/text.h"
#include "fleet/model/template.h"
#include "fleet/stack/calendar_text.h"

namespace utakata {
bool is_reserved_name(std::string_view name) {
  return name == "port" || name == "host" || name == "instance" || name == "ticket" ||
         name == "clusters" || name == "secrets" || name.starts_with("clusters.") ||
         name.starts_with("secrets.");
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

}  // namespace utakata
