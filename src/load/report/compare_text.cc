// A comparison for people, and for programs.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "load/report/compare.h"
#include "load/report/figures.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

using Unit = ComparedFigure::Unit;

std::string words_of(const std::optional<double>& value, Unit unit) {
  if (!value) return "-";
  switch (unit) {
    case Unit::microseconds:
      return time_words(*value);
    case Unit::share:
      return share_words(*value);
    case Unit::per_second:
      return per_second_words(*value);
    case Unit::bytes_per_second:
      return bytes_words(*value) + "/s";
    case Unit::number:
      return number_words(*value);
  }
  return "";
}

// Of shares in points: from 0.1 % to 0.2 % is "+0.1 points", and no doubling to be afraid of.
std::string change_words(const ComparedFigure& one) {
  if (one.unit == Unit::share && one.before && one.after)
    return fmt::format("{:+.3g} points", (*one.after - *one.before) * 100);
  const auto change = one.change();
  if (!change) return "";
  if (*change >= 9.995) return fmt::format("x {}", number_words(*change + 1));
  return fmt::format("{:+.{}f} %", *change * 100, std::abs(*change) < 0.0995 ? 1 : 0);
}

std::string toned(std::string_view text, Judgement judgement, bool has_colour) {
  const char* code = judgement == Judgement::better  ? "32"
                     : judgement == Judgement::worse ? "31"
                                                     : nullptr;
  if (!has_colour || code == nullptr) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

const char* name_of(Unit unit) {
  switch (unit) {
    case Unit::microseconds:
      return "us";
    case Unit::share:
      return "share";
    case Unit::per_second:
      return "per_second";
    case Unit::bytes_per_second:
      return "bytes_per_second";
    case Unit::number:
      return "number";
  }
  return "";
}

}  // namespace

std::string to_text(const RunComparison& comparison, bool has_colour) {
  std::string text;
  for (const auto& warning : comparison.warnings)
    text += "! " + wrapped(harmless(warning), 98, 2) + "\n";
  std::string group;
  for (const ComparedFigure& one : comparison.figures) {
    if (group != one.group) {
      text += fmt::format("{}{}{}{}{}\n", text.empty() ? "" : "\n", at_left(one.group, 43),
                          at_right("before", 14), at_right("after", 14), at_right("change", 16));
      group = one.group;
    }
    const std::string name = harmless(one.metric);
    const bool is_alone = one.figure == "share" || one.figure == "a second";
    text += fmt::format(
        "  {}{}{}{}{}  {}\n", at_left(name, 33), at_left(is_alone ? "" : one.figure, 8),
        at_right(words_of(one.before, one.unit), 14), at_right(words_of(one.after, one.unit), 14),
        at_right(change_words(one), 16), toned(to_text(one.judgement), one.judgement, has_colour));
  }
  return text +
         fmt::format("\n{} worse, {} better, {} the same, {} changed, {} of too few values.\n",
                     comparison.count(Judgement::worse), comparison.count(Judgement::better),
                     comparison.count(Judgement::same), comparison.count(Judgement::changed),
                     comparison.count(Judgement::too_few));
}

std::string to_json(const RunComparison& comparison) {
  using Json = nlohmann::ordered_json;
  const auto number = [](const std::optional<double>& value) {
    return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
  };
  Json figures = Json::array();
  for (const ComparedFigure& one : comparison.figures)
    figures.push_back({{"group", one.group},
                       {"metric", one.metric},
                       {"figure", one.figure},
                       {"unit", name_of(one.unit)},
                       {"before", number(one.before)},
                       {"after", number(one.after)},
                       {"change", number(one.change())},
                       {"judgement", to_text(one.judgement)}});
  const Json json{{"warnings", comparison.warnings}, {"figures", std::move(figures)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace utakata::load
