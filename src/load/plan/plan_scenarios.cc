#include "load/plan/plan_scenarios.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "load/pacing/mix.h"

namespace utakata::load {
namespace {

constexpr std::size_t scenario_name_max = 60;
constexpr std::string_view example = "{ exec: 'fan', weight: 80 }";

struct ScenarioDraft {
  LoadScenario scenario;
  ModelDraft model{};
  std::optional<PlanValue> weight{}, start_after{};
};

void read_exec(PlanReader& reader, const PlanValue& at, ScenarioDraft& draft) {
  const auto exec = reader.text(at, "fan");
  if (!exec) return;
  const auto is_part = [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '$' || c >= 0x80;
  };
  if (exec->empty() || exec->size() > 100 || std::isdigit(static_cast<unsigned char>((*exec)[0])) ||
      !std::ranges::all_of(*exec, is_part))
    return reader.mistake(at, fmt::format("`exec` must be the name of an exported function, such "
                                          "as `fan`, not {}.",
                                          at.shown()));
  draft.scenario.exec = *exec;
}

using Draft = ScenarioDraft;
using Value = PlanValue;
constexpr PlanKey<ScenarioDraft> scenario_keys[] = {
    {"exec", read_exec},
    {"weight", [](PlanReader&, const Value& at, Draft& d) { d.weight = at; }},
    {"users", [](PlanReader&, const Value& at, Draft& d) { d.model.users = at; }},
    {"arrivals", [](PlanReader&, const Value& at, Draft& d) { d.model.arrivals = at; }},
    {"stages", [](PlanReader&, const Value& at, Draft& d) { d.model.stages = at; }},
    {"duration", [](PlanReader&, const Value& at, Draft& d) { d.model.duration = at; }},
    {"iterations", [](PlanReader&, const Value& at, Draft& d) { d.model.iterations = at; }},
    {"start_after", [](PlanReader&, const Value& at, Draft& d) { d.start_after = at; }},
    {"tags", [](PlanReader& r, const Value& at,
                Draft& d) { d.scenario.tags = r.tags(at).value_or(Tags{}); }},
};

// Users are shared: all have weights, and nothing of their own.
void read_weight(PlanReader& reader, const PlanValue& at, ScenarioDraft& draft) {
  const auto& [users, arrivals, stages, duration, iterations] = draft.model;
  const std::optional<PlanValue>& start_after = draft.start_after;
  for (const auto* own : {&users, &arrivals, &stages, &duration, &iterations, &start_after})
    if (*own)
      reader.mistake(**own,
                     fmt::format("{} is for a scenario with users of its own, but they stand "
                                 "beside `scenarios`: give it a `weight`, or all their own.",
                                 (*own)->called()));
  if (!draft.weight)
    return reader.mistake(at, fmt::format("{} needs a `weight`, its share of the users, such as "
                                          "`weight: 80`.",
                                          at.called()));
  draft.scenario.weight = int(reader.whole(*draft.weight, 1, Mix::weight_max).value_or(1));
}

// A scenario with users of its own.
std::optional<LoadFlow> own_flow(PlanReader& reader, const PlanValue& at, ScenarioDraft draft) {
  if (draft.weight)
    reader.mistake(*draft.weight,
                   "`weight` shares the users that stand beside `scenarios`: there "
                   "are none.");
  const auto start_after = draft.start_after
                               ? reader.duration(*draft.start_after, Arrivals::length_max)
                               : std::optional(Duration{});
  if (!draft.model.subject() && !draft.weight)
    reader.mistake(at, fmt::format("{} needs `users` or `arrivals`, such as `{}`.", at.called(),
                                   model_example));
  auto model = read_model(reader, draft.model);
  if (!model || !start_after) return std::nullopt;
  return LoadFlow{std::move(*model), {std::move(draft.scenario)}, *start_after};
}

bool is_good_name(PlanReader& reader, const PlanValue& at) {
  const std::string& name = at.key();
  const bool is_good =
      !name.empty() && name.size() <= scenario_name_max &&
      std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!is_good)
    reader.mistake(at, fmt::format("{} is no name for a scenario: use 1 to {} characters.",
                                   at.called(), scenario_name_max));
  return is_good;
}

}  // namespace

std::vector<LoadFlow> read_scenarios(PlanReader& reader, const PlanValue& at, bool is_shared,
                                     std::optional<LoadModel> shared) {
  std::vector<LoadFlow> flows;
  if (!reader.is_map(at, "{ fans: { exec: 'fan', weight: 80 } }")) return flows;
  const auto items = at.items();
  if (items.empty() || items.size() > Mix::scenarios_max) {
    reader.mistake(at, fmt::format("`scenarios` must name 1 to {}, not {}.", Mix::scenarios_max,
                                   items.size()));
    return flows;
  }
  std::vector<LoadScenario> sharing;
  for (const PlanValue& item : items) {
    ScenarioDraft draft{.scenario = {.name = item.key()}};
    if (!is_good_name(reader, item) ||
        !reader.keys<ScenarioDraft>(item, scenario_keys, example, draft))
      continue;
    if (is_shared) {
      read_weight(reader, item, draft);
      sharing.push_back(std::move(draft.scenario));
    } else if (auto flow = own_flow(reader, item, std::move(draft))) {
      flows.push_back(std::move(*flow));
    }
  }
  if (shared && !sharing.empty()) flows.push_back({std::move(*shared), std::move(sharing)});
  return flows;
}

}  // namespace utakata::load
