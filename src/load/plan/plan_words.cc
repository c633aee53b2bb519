#include "load/plan/plan_words.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/text.h"

namespace utakata::load {
namespace {

constexpr std::size_t phrases_max = 6;  // a line of a terminal, or two

// How a number of users, or a rate, is said: with the noun once, then without.
struct Levels {
  std::string (*of)(double level, std::string_view noun);
  std::string_view noun;
  bool is_said = false;

  std::string operator()(double level) {
    return of(level, std::exchange(is_said, true) ? "" : noun);
  }
};

// " user" or " users".
std::string counted(double number, std::string_view noun) {
  return noun.empty() ? "" : fmt::format(" {}{}", noun, number == 1 ? "" : "s");
}

std::string users_text(double users, std::string_view noun) {
  return grouped(std::int64_t(users)) + counted(users, noun);
}

std::string rate_text(double rate, std::string_view noun) {
  const auto text = [&](double number, std::string_view unit) {
    return (number < 1000 ? fmt::format("{:.4g}", number) : grouped(std::llround(number))) +
           counted(number, noun) + std::string(unit);
  };
  if (rate >= 1 || rate == 0) return text(rate, "/s");
  if (rate * 60 >= 1) return text(rate * 60, "/min");
  return text(rate * 3600, "/h");
}

template <class Stage>
std::vector<std::string> phrases_of(const std::vector<Stage>& stages, Levels levels) {
  std::vector<std::string> phrases;
  double level = stages.empty() ? 0 : double(stages.front().from);
  if (level > 0 && stages.size() > 1) phrases.push_back("starts with " + levels(level));
  for (const auto& stage : stages) {
    if (stage.duration <= 0s) continue;  // what it goes to is where the next one begins
    const double from = double(stage.from), to = double(stage.to);
    const std::string time = words_of(stage.duration);
    const bool is_step = from != level;
    if (is_step) phrases.push_back("steps to " + levels(from));
    if (from == to && is_step)
      phrases.back() += " for " + time;
    else if (from == to)
      phrases.push_back("holds " + time);
    else
      phrases.push_back(
          fmt::format("ramps {}to {} in {}", to < from ? "down " : "", levels(to), time));
    level = to;
  }
  return phrases;
}

// "a, b, c"; of many the first ones, and how long all takes.
std::string joined(const std::vector<std::string>& phrases, const LoadModel& model) {
  std::string text;
  for (std::size_t i = 0; i < phrases.size(); ++i) {
    if (i == phrases_max - 1 && phrases.size() > phrases_max)
      return text +
             fmt::format(" and so on, {} in all", words_of(length(model).value_or(Duration{})));
    text += (i == 0 ? "" : ", ") + phrases[i];
  }
  return text;
}

std::string words_of_closed(const ClosedModel& model) {
  const auto& stages = model.stages;
  std::string text;
  if (stages.size() == 1 && stages[0].from == stages[0].to) {
    text = users_text(double(stages[0].to), "user");
    if (length(model)) text += " for " + words_of(stages[0].duration);
  } else {
    text = joined(phrases_of(stages, {users_text, "user"}), model);
  }
  if (model.iterations)
    text += fmt::format(", {} iteration{} each{}", grouped(*model.iterations),
                        *model.iterations == 1 ? "" : "s", length(model) ? " at most" : "");
  return text;
}

std::string words_of_open(const OpenModel& model) {
  const auto& stages = model.stages;
  if (stages.size() == 1 && stages[0].from == stages[0].to)
    return rate_text(stages[0].to, "arrival") + " for " + words_of(stages[0].duration);
  return joined(phrases_of(stages, {rate_text, "arrival"}), model);
}

std::string shares_of(const std::vector<LoadScenario>& scenarios) {
  double sum = 0;
  for (const auto& scenario : scenarios) sum += scenario.weight;
  std::string text;
  for (const auto& [name, exec, weight, tags] : scenarios)
    text += fmt::format("{}{:.3g} % {}", text.empty() ? "" : ", ", weight / sum * 100, name);
  return text;
}

}  // namespace

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3 && text[at - 4] != '-';) text.insert(at -= 3, ",");
  return text;
}

std::string words_of(Duration time) {
  struct Unit {
    std::string_view name;
    Duration length;
  };
  constexpr Unit units[] = {{"d", 24h}, {"h", 1h}, {"min", 1min}, {"s", 1s}, {"ms", 1ms}};
  std::string text;
  int parts = 0;
  for (const auto& [name, length] : units) {
    if (time < length || parts == 2) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", time / length, name);
    time %= length;
    ++parts;
  }
  return text.empty() ? "0 s" : text;
}

std::string words_of(const LoadModel& model) {
  if (const auto* closed = std::get_if<ClosedModel>(&model)) return words_of_closed(*closed);
  return words_of_open(std::get<OpenModel>(model));
}

std::string to_text(const LoadPlan& plan) {
  std::string text;
  for (const auto& [model, scenarios, start_after] : plan.flows) {
    if (!text.empty()) text += "; ";
    if (plan.flows.size() > 1 || start_after > 0s) {
      text += scenarios.front().name;
      if (start_after > 0s) text += fmt::format(" (after {})", words_of(start_after));
      text += ": ";
    }
    text += words_of(model);
    if (scenarios.size() > 1) text += ": " + shares_of(scenarios);
  }
  return text;
}

}  // namespace utakata::load
