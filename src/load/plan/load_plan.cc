#include "load/plan/load_plan.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "load/plan/plan_model.h"
#include "load/plan/plan_reader.h"
#include "load/plan/plan_scenarios.h"

namespace utakata::load {
namespace {

constexpr std::size_t json_bytes_max = 256 * 1024;
constexpr std::size_t thresholds_max = 1000;

struct PlanDraft {
  LoadPlan plan;
  ModelDraft model{};
  std::optional<PlanValue> scenarios{};
};

struct ThresholdDraft {
  std::optional<std::string> expression{};
  bool aborts_run = false;
};
constexpr PlanKey<ThresholdDraft> threshold_keys[] = {
    {"threshold", [](PlanReader& r, const PlanValue& at,
                     ThresholdDraft& d) { d.expression = r.text(at, "p(95)<500"); }},
    {"abort_on_fail", [](PlanReader& r, const PlanValue& at,
                         ThresholdDraft& d) { d.aborts_run = r.flag(at).value_or(false); }},
};

// An expression, or one with what it does.
void read_threshold(PlanReader& reader, const std::string& metric, const PlanValue& at,
                    std::vector<Threshold>& into) {
  ThresholdDraft draft;
  if (at.is(PlanValue::Kind::text)) {
    draft.expression = at.text();
  } else if (at.is(PlanValue::Kind::map)) {
    const std::size_t mistakes_before = reader.mistakes.size();
    reader.keys<ThresholdDraft>(at, threshold_keys, "{ threshold: 'p(95)<500' }", draft);
    if (!draft.expression && reader.mistakes.size() == mistakes_before)
      reader.mistake(at, "This needs a `threshold`, such as `threshold: 'p(95)<500'`.");
  } else {
    reader.mistake(at, fmt::format("A threshold must be an expression such as `p(95)<500`, not {}.",
                                   at.shown()));
  }
  if (!draft.expression) return;
  auto threshold = threshold_from(metric, *draft.expression);
  if (!threshold) return reader.mistake(at, std::move(threshold.error().what));
  threshold->aborts_run = draft.aborts_run;
  into.push_back(std::move(*threshold));
}

void read_thresholds(PlanReader& reader, const PlanValue& at, PlanDraft& draft) {
  if (!reader.is_map(at, "{ echo: 'p(95)<500' }")) return;
  auto& into = draft.plan.thresholds;
  for (const PlanValue& metric : at.items()) {
    if (!metric.is(PlanValue::Kind::list)) {
      read_threshold(reader, metric.key(), metric, into);
      continue;
    }
    if (!reader.is_list(metric, thresholds_max, "['p(95)<500']")) continue;
    for (const PlanValue& one : metric.items()) read_threshold(reader, metric.key(), one, into);
  }
  if (into.size() > thresholds_max)
    reader.mistake(
        at, fmt::format("There are {} thresholds: {} are the most.", into.size(), thresholds_max));
}

constexpr PlanKey<PlanDraft> plan_keys[] = {
    {"users", [](PlanReader&, const PlanValue& at, PlanDraft& d) { d.model.users = at; }},
    {"arrivals", [](PlanReader&, const PlanValue& at, PlanDraft& d) { d.model.arrivals = at; }},
    {"stages", [](PlanReader&, const PlanValue& at, PlanDraft& d) { d.model.stages = at; }},
    {"duration", [](PlanReader&, const PlanValue& at, PlanDraft& d) { d.model.duration = at; }},
    {"iterations", [](PlanReader&, const PlanValue& at, PlanDraft& d) { d.model.iterations = at; }},
    {"scenarios", [](PlanReader&, const PlanValue& at, PlanDraft& d) { d.scenarios = at; }},
    {"thresholds", read_thresholds},
    {"graceful_stop",
     [](PlanReader& r, const PlanValue& at, PlanDraft& d) {
       d.plan.graceful_stop = r.duration(at, 1h).value_or(30s);
     }},
    {"tags", [](PlanReader& r, const PlanValue& at,
                PlanDraft& d) { d.plan.tags = r.tags(at).value_or(Tags{}); }},
};

void read_plan(PlanReader& reader, const PlanValue& at, PlanDraft& draft) {
  if (!reader.keys<PlanDraft>(at, plan_keys, "{ users: 100, duration: '5m' }", draft)) return;
  const bool is_shared = draft.model.subject() != nullptr;
  auto model = read_model(reader, draft.model);
  if (draft.scenarios)
    draft.plan.flows = read_scenarios(reader, *draft.scenarios, is_shared, std::move(model));
  else if (model)
    draft.plan.flows.push_back({std::move(*model), {LoadScenario{}}});
  else if (!is_shared)
    reader.mistake(at, fmt::format("`load` must say how many users there are: give `users`, "
                                   "`arrivals`, `stages` or `scenarios`, such as `{}`.",
                                   model_example));
}

}  // namespace

std::expected<LoadPlan, std::vector<PlanMistake>> read_load_plan(std::string_view text) {
  PlanReader reader;
  PlanDraft draft;
  const auto json = text.size() <= json_bytes_max
                        ? PlanValue::Json::parse(text, nullptr, false)
                        : PlanValue::Json(PlanValue::Json::value_t::discarded);
  if (json.is_discarded())
    reader.mistake("load", fmt::format("This is not JSON, or is more than {} KB of it.",
                                       json_bytes_max / 1024));
  else
    read_plan(reader, PlanValue(json, "load", "load"), draft);
  if (!reader.mistakes.empty()) return std::unexpected(std::move(reader.mistakes));
  return std::move(draft.plan);
}

std::string to_text(std::span<const PlanMistake> mistakes, std::string_view file) {
  std::string text;
  for (const auto& [path, what] : mistakes) text += fmt::format("{}: {}: {}\n", file, path, what);
  return text;
}

std::optional<Duration> length(const LoadModel& model) {
  Duration sum{};
  const auto add = [&](const auto& stages) {
    for (const auto& stage : stages) {
      if (stage.duration == Duration::max()) return std::optional<Duration>();
      sum += stage.duration;
    }
    return std::optional(sum);
  };
  return std::visit([&](const auto& kind) { return add(kind.stages); }, model);
}

}  // namespace utakata::load
