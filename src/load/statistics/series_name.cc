#include "load/statistics/series_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "wire/utf8.h"

namespace utakata::load {
namespace {

constexpr std::size_t name_bytes_max = 128, value_bytes_max = 512, tags_max = 20;
constexpr std::string_view not_in_names = "{},=:\"\\";

bool is_text(std::string_view text) {
  return wire::is_utf8(text) &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max && is_text(name) &&
         name.find_first_of(not_in_names) == name.npos && name.front() != ' ' && name.back() != ' ';
}

std::string shown(std::string_view text) {
  return wire::is_utf8(text) ? in_ticks(text) : "That text";
}

std::unexpected<Problem> no_name(std::string_view noun, std::string_view name) {
  return problem(Problem::Kind::invalid,
                 fmt::format("{} is no name for a {}: use 1 to 128 characters, none of them "
                             "`{{`, `}}`, `,`, `=`, `:`, `\"` or `\\`.",
                             shown(name), noun));
}

std::unexpected<Problem> not_read(std::string_view text) {
  return problem(Problem::Kind::invalid,
                 fmt::format("{} is no metric: write `name` or `name{{tag:value}}`.", shown(text)));
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Takes a value and the `,` or `}` that ends it from the front. False: nothing ends it.
bool take_value(std::string_view& left, std::string& value, char& end) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    end = left[i];
    if (end == ',' || end == '}') {
      left.remove_prefix(i + 1);
      return true;
    }
    if (end == '\\' && ++i == left.size()) return false;
    value += left[i];
  }
  return false;
}

Expected<SeriesName> parse(std::string_view text, bool is_by_people) {
  const auto tidy = [&](std::string_view part) { return is_by_people ? trimmed(part) : part; };
  const std::size_t open = text.find('{');
  const std::string_view metric = tidy(text.substr(0, open));
  Tags tags;
  if (open == text.npos) return series_name(metric, tags);
  std::string_view left = tidy(text.substr(open + 1));
  for (char end = ','; end != '}';) {
    const std::size_t middle = left.find_first_of(is_by_people ? ":=" : "=");
    if (middle == left.npos || tags.size() > tags_max) return not_read(text);
    Tag tag{std::string(tidy(left.substr(0, middle))), ""};
    left.remove_prefix(middle + 1);
    if (!take_value(left, tag.value, end)) return not_read(text);
    tag.value = tidy(tag.value);
    tags.push_back(std::move(tag));
  }
  if (!left.empty()) return not_read(text);
  return series_name(metric, tags);
}

}  // namespace

bool SeriesName::has(std::span<const Tag> wanted) const {
  return std::ranges::all_of(
      wanted, [this](const Tag& tag) { return std::ranges::find(tags, tag) != tags.end(); });
}

Expected<SeriesName> series_name(std::string_view metric, std::span<const Tag> tags) {
  if (!is_name(metric)) return no_name("metric", metric);
  if (tags.size() > tags_max)
    return problem(Problem::Kind::invalid, fmt::format("{} has {} tags: at most {} are kept apart.",
                                                       shown(metric), tags.size(), tags_max));
  SeriesName name{std::string(metric), {tags.begin(), tags.end()}};
  std::ranges::sort(name.tags);
  for (const Tag& tag : name.tags) {
    if (!is_name(tag.name)) return no_name("tag", tag.name);
    if (tag.value.size() > value_bytes_max || !is_text(tag.value))
      return problem(Problem::Kind::invalid,
                     fmt::format("The tag {} of {} has a value that is too long or no text: at "
                                 "most {} bytes, without control characters.",
                                 shown(tag.name), shown(metric), value_bytes_max));
  }
  const auto twice = std::ranges::adjacent_find(name.tags, {}, &Tag::name);
  if (twice != name.tags.end())
    return problem(Problem::Kind::invalid, fmt::format("The tag {} of {} is given twice.",
                                                       shown(twice->name), shown(metric)));
  return name;
}

std::string key_of(const SeriesName& name) {
  std::string key = name.metric;
  for (const Tag& tag : name.tags) {
    key += key.size() == name.metric.size() ? '{' : ',';
    key += tag.name + '=';
    for (const char c : tag.value) {
      if (c == '\\' || c == ',' || c == '}') key += '\\';
      key += c;
    }
  }
  if (!name.tags.empty()) key += '}';
  return key;
}

Expected<SeriesName> series_of_key(std::string_view key) { return parse(key, false); }
Expected<SeriesName> series_as_written(std::string_view text) { return parse(text, true); }

}  // namespace utakata::load
