#include "load/plan/plan_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "load/plan/plan_words.h"

namespace utakata::load {
namespace {

struct Synonym {
  std::string_view theirs, ours;
};
// What it is called in k6 and Artillery.
constexpr Synonym synonyms[] = {{"vus", "users"},
                                {"VUs", "users"},
                                {"startVUs", "start"},
                                {"startRate", "start"},
                                {"startTime", "start_after"},
                                {"gracefulStop", "graceful_stop"},
                                {"gracefulRampDown", "graceful_stop"},
                                {"maxDuration", "duration"},
                                {"abortOnFail", "abort_on_fail"},
                                {"rate", "arrivals"},
                                {"arrivalRate", "arrivals"},
                                {"arrivalCount", "arrivals"},
                                {"phases", "stages"},
                                {"rampTo", "stages"},
                                {"rampUsers", "users"},
                                {"function", "exec"}};

std::string step_to(std::string_view key) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '$'; };
  if (!key.empty() && std::ranges::all_of(key, is_plain)) return fmt::format(".{}", key);
  const std::string shown = in_ticks(key);
  return fmt::format("[\"{}\"]", std::string_view(shown).substr(1, shown.size() - 2));
}

}  // namespace

PlanValue::Kind PlanValue::kind() const {
  if (json_->is_null()) return Kind::nothing;
  if (json_->is_boolean()) return Kind::flag;
  if (json_->is_number()) return Kind::number;
  if (json_->is_string()) return Kind::text;
  return json_->is_array() ? Kind::list : Kind::map;
}

std::string PlanValue::called() const { return key_.empty() ? "This" : in_ticks(key_); }

std::string PlanValue::shown() const {
  switch (kind()) {
    case Kind::nothing:
      return "nothing";
    case Kind::flag:
      return flag() ? "`true`" : "`false`";
    case Kind::number:
      return fmt::format("`{}`", number());
    case Kind::text:
      return in_ticks(text());
    case Kind::list:
      return "a list";
    case Kind::map:
      return "an object";
  }
  return "";
}

bool PlanValue::flag() const { return json_->get<bool>(); }
double PlanValue::number() const { return json_->get<double>(); }
const std::string& PlanValue::text() const { return json_->get_ref<const std::string&>(); }

std::vector<PlanValue> PlanValue::items() const {
  std::vector<PlanValue> all;
  if (json_->is_array())
    for (std::size_t i = 0; i < json_->size(); ++i)
      all.emplace_back((*json_)[i], fmt::format("{}[{}]", path_, i), "");
  else
    for (const auto& [key, value] : json_->items())
      all.emplace_back(value, path_ + step_to(key), key);
  return all;
}

void PlanReader::mistake(const std::string& path, std::string what) {
  if (mistakes.size() < mistakes_max) mistakes.push_back({path, std::move(what)});
}

std::optional<double> PlanReader::number(const PlanValue& at, double lowest, double highest) {
  if (at.is(PlanValue::Kind::number) && at.number() >= lowest && at.number() <= highest)
    return at.number();
  mistake(at, fmt::format("{} must be a number from {} to {}, not {}.", at.called(), lowest,
                          highest, at.shown()));
  return std::nullopt;
}

std::optional<std::int64_t> PlanReader::whole(const PlanValue& at, std::int64_t lowest,
                                              std::int64_t highest) {
  if (at.is(PlanValue::Kind::number)) {
    const double number = at.number();
    if (number >= double(lowest) && number <= double(highest) && number == std::floor(number))
      return std::int64_t(number);
  }
  mistake(at, fmt::format("{} must be a whole number from {} to {}, not {}.", at.called(),
                          grouped(lowest), grouped(highest), at.shown()));
  return std::nullopt;
}

std::optional<Duration> PlanReader::duration(const PlanValue& at, Duration highest) {
  std::optional<Duration> time;
  if (at.is(PlanValue::Kind::text)) {
    time = duration_from(at.text());
  } else if (at.is(PlanValue::Kind::number) && at.number() >= 0) {
    time = from_seconds(std::min(at.number(), 1e9));
  }
  if (!time) {
    mistake(at, fmt::format("{} must be a time such as `30s`, `5m` or `1h30m`, or a number of "
                            "seconds, not {}.",
                            at.called(), at.shown()));
  } else if (*time > highest) {
    mistake(at, fmt::format("{} must be {} at most, not {}.", at.called(), words_of(highest),
                            at.shown()));
    return std::nullopt;
  }
  return time;
}

std::optional<double> PlanReader::rate(const PlanValue& at) {
  double number = -1, unit = 1;  // of a second
  if (at.is(PlanValue::Kind::number)) {
    number = at.number();
  } else if (at.is(PlanValue::Kind::text)) {
    const std::string& text = at.text();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view rest(end, std::size_t(text.data() + text.size() - end));
    unit = rest == "/s" ? 1 : rest == "/m" ? 60 : rest == "/h" ? 3600 : 0;
    if (error != std::errc{} || unit == 0) number = -1;
  }
  if (number >= 0 && number / unit <= Arrivals::rate_max) return number / unit;
  mistake(at,
          fmt::format("{} must be a rate such as `50/s`, `90/m` or `5/h`, or a number a second, "
                      "of {} a second at most, not {}.",
                      at.called(), grouped(std::int64_t(Arrivals::rate_max)), at.shown()));
  return std::nullopt;
}

std::optional<bool> PlanReader::flag(const PlanValue& at) {
  if (at.is(PlanValue::Kind::flag)) return at.flag();
  mistake(at, fmt::format("{} must be `true` or `false`, not {}.", at.called(), at.shown()));
  return std::nullopt;
}

std::optional<std::string> PlanReader::text(const PlanValue& at, std::string_view example) {
  if (at.is(PlanValue::Kind::text)) return at.text();
  mistake(at,
          fmt::format("{} must be a text such as `{}`, not {}.", at.called(), example, at.shown()));
  return std::nullopt;
}

std::optional<Tags> PlanReader::tags(const PlanValue& at) {
  if (!is_map(at, "{ release: 'v2' }")) return std::nullopt;
  Tags tags;
  for (const PlanValue& item : at.items()) {
    const bool is_text = item.is(PlanValue::Kind::text);
    if (!is_text && !item.is(PlanValue::Kind::number) && !item.is(PlanValue::Kind::flag)) {
      mistake(item, fmt::format("The tag {} must be a text, not {}.", item.called(), item.shown()));
      continue;
    }
    const std::string shown = item.shown();
    tags.push_back({item.key(), is_text ? item.text() : shown.substr(1, shown.size() - 2)});
  }
  auto name = series_name("load", tags);  // is the judge of tags
  if (name) return std::move(name->tags);
  mistake(at, std::move(name.error().what));
  return std::nullopt;
}

bool PlanReader::is_list(const PlanValue& at, std::size_t items_max, std::string_view example) {
  const bool is_list = at.is(PlanValue::Kind::list);
  const std::size_t items = is_list ? at.items().size() : 0;
  if (items >= 1 && items <= items_max) return true;
  mistake(at,
          fmt::format("{} must be a list of 1 to {}, such as `{}`, not {}.", at.called(),
                      grouped(std::int64_t(items_max)), example,
                      is_list ? fmt::format("of {}", grouped(std::int64_t(items))) : at.shown()));
  return false;
}

bool PlanReader::is_map(const PlanValue& at, std::string_view example) {
  if (at.is(PlanValue::Kind::map)) return true;
  mistake(at, fmt::format("{} must be an object such as `{}`, not {}.", at.called(), example,
                          at.shown()));
  return false;
}

std::optional<std::size_t> PlanReader::match(const PlanValue& item,
                                             std::span<const std::string_view> names) {
  const auto known = std::ranges::find(names, item.key());
  if (known != names.end()) return std::size_t(known - names.begin());
  const auto synonym = std::ranges::find(synonyms, item.key(), &Synonym::theirs);
  std::string remedy = did_you_mean(item.key(), names);
  if (synonym != std::end(synonyms) && std::ranges::find(names, synonym->ours) != names.end())
    remedy = fmt::format(": it is called `{}`.", synonym->ours);
  if (remedy.empty()) {
    for (const auto name : names) remedy += fmt::format("{}`{}`", remedy.empty() ? "" : ", ", name);
    remedy = fmt::format(": known are {}.", remedy);
  }
  mistake(item, fmt::format("{} is not a key here{}", item.called(), remedy));
  return std::nullopt;
}

}  // namespace utakata::load
