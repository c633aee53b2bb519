#include "fleet/stack/calendar_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "yaml/yaml.h"

namespace utakata {
namespace {

using Wrong = std::unexpected<std::string>;
constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view noun;
  int lowest, highest;
  std::span<const std::string_view> names{};  // of `lowest` and those after it
};
constexpr Field kMinute{"minute", 0, 59}, kHour{"hour", 0, 23}, kDay{"day", 1, 31};
constexpr Field kMonth{"month", 1, 12, kMonths}, kWeekday{"weekday", 0, 7, kWeekdays};

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> words_of(std::string_view text) {
  auto words = split(text, ' ');
  std::erase(words, std::string_view{});
  return words;
}

std::optional<int> digits(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_all = error == std::errc{} && end == text.data() + text.size();
  return is_all && text[0] != '-' ? std::optional(number) : std::nullopt;
}

std::expected<int, std::string> value(const Field& field, std::string_view text) {
  std::string word(text);
  std::ranges::transform(word, word.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (word == field.names[i]) return field.lowest + int(i);
  const auto number = digits(text);
  if (!number)
    return Wrong(fmt::format(
        "{} is not a {}{}", in_ticks(text), field.noun,
        field.names.empty() ? ""
                            : ": say a number or a name such as " + std::string(field.names[1])));
  if (*number < field.lowest || *number > field.highest)
    return Wrong(fmt::format("the {} {} is not within {} to {}", field.noun, *number, field.lowest,
                             field.highest));
  return *number;
}

// `set` is told each value of "1-5", "*/15", "3,7".
template <class F>
std::expected<void, std::string> each(const Field& field, std::string_view text, F set) {
  for (std::string_view part : split(text, ',')) {
    int step = 1;
    if (const auto slash = part.find('/'); slash != part.npos) {
      step = digits(part.substr(slash + 1)).value_or(0);
      if (step < 1)
        return Wrong(fmt::format("{} has no step above 0 after its `/`", in_ticks(part)));
      part = part.substr(0, slash);
    }
    int first = field.lowest, last = field.highest;
    if (part != "*") {
      const auto dash = part.find('-');
      const auto from = value(field, part.substr(0, dash));
      if (!from) return Wrong(from.error());
      first = last = *from;
      if (dash != part.npos) {
        const auto to = value(field, part.substr(dash + 1));
        if (!to) return Wrong(to.error());
        last = *to;
      } else if (step > 1) {
        last = field.highest;
      }
      if (field.noun == kWeekday.noun && last < first) last += 7;  // sat-sun, fri-mon
      if (last < first) return Wrong(fmt::format("{} ends before it begins", in_ticks(part)));
    }
    for (int at = first; at <= last; at += step) set(at);
  }
  return {};
}

std::expected<void, std::string> read_weekdays(std::string_view text, Calendar& into) {
  into.is_any_weekday = text == "*";
  return each(kWeekday, text, [&](int at) { into.weekdays.set(std::size_t(at) % 7); });
}

void take_every_day(Calendar& into) {
  into.days.set();
  into.months.set();
  into.weekdays.set();
}

// "18:30"
std::expected<std::chrono::minutes, std::string> clock_time(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos || text.size() - colon != 3)
    return Wrong(fmt::format("{} is not a time such as 18:30", in_ticks(text)));
  const auto hour = value(kHour, text.substr(0, colon));
  if (!hour) return Wrong(hour.error());
  const auto minute = value(kMinute, text.substr(colon + 1));
  if (!minute) return Wrong(minute.error());
  return std::chrono::hours{*hour} + std::chrono::minutes{*minute};
}

std::expected<std::chrono::local_days, std::string> date(std::string_view text) {
  const auto parts = split(text, '-');
  const auto year = digits(parts[0]), month = digits(parts[1]), day = digits(parts[2]);
  if (year && month && day && *year >= 1970 && *year <= 2100) {
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{unsigned(*month)},
                                           std::chrono::day{unsigned(*day)}};
    if (date.ok()) return std::chrono::local_days{date};
  }
  return Wrong(fmt::format("there is no day {}: say it as 2026-12-31", in_ticks(text)));
}

std::expected<Calendar, std::string> cron(std::span<const std::string_view> fields) {
  Calendar into;
  into.is_any_day = fields[2] == "*";
  const auto minutes = each(kMinute, fields[0], [&](int at) { into.minutes.set(std::size_t(at)); });
  if (!minutes) return Wrong(minutes.error());
  const auto hours = each(kHour, fields[1], [&](int at) { into.hours.set(std::size_t(at)); });
  if (!hours) return Wrong(hours.error());
  const auto days = each(kDay, fields[2], [&](int at) { into.days.set(std::size_t(at)); });
  if (!days) return Wrong(days.error());
  const auto months = each(kMonth, fields[3], [&](int at) { into.months.set(std::size_t(at)); });
  if (!months) return Wrong(months.error());
  const auto weekdays = read_weekdays(fields[4], into);
  if (!weekdays) return Wrong(weekdays.error());
  if (!next(into, Zone{}, WallTime{}))
    return Wrong(std::string("no such day ever comes: look at the day and the month"));
  return into;
}

std::expected<Calendar, std::string> parse(std::span<const std::string_view> words) {
  if (words.size() == 5) return cron(words);
  if (words.empty() || words.size() > 2)
    return Wrong(
        std::string("a time is a date and a time, a weekday and a time, a time, or the "
                    "five fields of cron"));
  const auto time = clock_time(words.back());
  if (!time) return Wrong(time.error());
  Calendar into;
  if (words.size() == 2 && std::ranges::count(words[0], '-') == 2) {
    const auto day = date(words[0]);
    if (!day) return Wrong(day.error());
    into.once = *day + *time;
    return into;
  }
  take_every_day(into);
  into.hours.set(std::size_t(time->count()) / 60);
  into.minutes.set(std::size_t(time->count()) % 60);
  if (words.size() == 1) return into;
  into.weekdays.reset();
  const auto weekdays = read_weekdays(words[0], into);
  if (!weekdays) return Wrong(weekdays.error());
  return into;
}

}  // namespace

std::expected<Calendar, std::string> parse_calendar(std::string_view text) {
  if (text.size() > 200) return Wrong(std::string("it is longer than 200 characters"));
  auto calendar = parse(words_of(text));
  if (calendar) calendar->text = text;
  return calendar;
}

}  // namespace utakata
