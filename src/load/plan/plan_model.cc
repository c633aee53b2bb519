#include "load/plan/plan_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "load/plan/plan_words.h"

namespace utakata::load {
namespace {

using Kind = PlanValue::Kind;

constexpr std::size_t stages_max = 1000;
constexpr Duration length_max = Arrivals::length_max;
constexpr std::int64_t iterations_max = 1'000'000'000;

// Users or arrivals: a number of users is whole and small enough for a double to be exact.
using Level = std::optional<double> (*)(PlanReader&, const PlanValue&);

std::optional<double> users_in(PlanReader& reader, const PlanValue& at) {
  const auto users = reader.whole(at, 0, Population::users_max);
  return users ? std::optional(double(*users)) : std::nullopt;
}
std::optional<double> rate_in(PlanReader& reader, const PlanValue& at) { return reader.rate(at); }

std::string_view stage_example(Level read) {
  return read == rate_in ? "{ duration: '30s', target: '50/s' }"
                         : "{ duration: '30s', target: 100 }";
}
std::string stages_example(Level read) { return fmt::format("[{}]", stage_example(read)); }

struct Stage {
  Duration duration{};
  double from = 0, to = 0;
};

struct StageDraft {
  std::optional<PlanValue> duration{}, target{};
  bool is_step = false;
};
constexpr PlanKey<StageDraft> stage_keys[] = {
    {"duration", [](PlanReader&, const PlanValue& at, StageDraft& d) { d.duration = at; }},
    {"target", [](PlanReader&, const PlanValue& at, StageDraft& d) { d.target = at; }},
    {"step", [](PlanReader& r, const PlanValue& at,
                StageDraft& d) { d.is_step = r.flag(at).value_or(false); }},
};

// From `level` in a line to its target, or at its target all the time.
std::optional<Stage> stage_in(PlanReader& reader, const PlanValue& at, double level, Level read) {
  StageDraft draft;
  if (!reader.keys<StageDraft>(at, stage_keys, stage_example(read), draft)) return std::nullopt;
  if (!draft.duration) reader.mistake(at, "This stage needs a `duration`, such as `30s`.");
  if (!draft.target) reader.mistake(at, "This stage needs a `target`, which it goes to.");
  const auto duration =
      draft.duration ? reader.duration(*draft.duration, length_max) : std::nullopt;
  const auto target = draft.target ? read(reader, *draft.target) : std::nullopt;
  if (!duration || !target) return std::nullopt;
  return Stage{*duration, draft.is_step ? *target : level, *target};
}

// What could not be read is left out, and noted.
std::vector<Stage> stages_in(PlanReader& reader, const PlanValue& list, double level, Level read) {
  std::vector<Stage> stages;
  if (!reader.is_list(list, stages_max, stages_example(read))) return stages;
  for (const PlanValue& item : list.items())
    if (const auto stage = stage_in(reader, item, level, read)) {
      stages.push_back(*stage);
      level = stage->to;
    }
  return stages;
}

struct ShapeDraft {
  std::optional<PlanValue> stages{}, start{};
};
constexpr PlanKey<ShapeDraft> shape_keys[] = {
    {"stages", [](PlanReader&, const PlanValue& at, ShapeDraft& d) { d.stages = at; }},
    {"start", [](PlanReader&, const PlanValue& at, ShapeDraft& d) { d.start = at; }},
};

// `{ stages: [...], start: ... }`
std::vector<Stage> shape_in(PlanReader& reader, const PlanValue& at, Level read) {
  ShapeDraft draft;
  reader.keys<ShapeDraft>(at, shape_keys, "{ stages: [...] }", draft);  // it is a map
  double start = 0;
  if (draft.start)
    if (const auto given = read(reader, *draft.start)) start = *given;
  if (draft.stages) return stages_in(reader, *draft.stages, start, read);
  reader.mistake(
      at, fmt::format("{} needs `stages`, such as `{}`.", at.called(), stages_example(read)));
  return {};
}

// `100` or `'50/s'`, all the time.
std::vector<Stage> constant_in(PlanReader& reader, const PlanValue& at, const ModelDraft& draft,
                               Level read) {
  const bool is_open = read == rate_in;
  std::optional<double> level;
  if (at.is(Kind::number) || (is_open && at.is(Kind::text)))
    level = read(reader, at);
  else
    reader.mistake(at, fmt::format("{} must be {}, or `{{ stages: {} }}`, not {}.", at.called(),
                                   is_open ? "a rate such as `50/s`" : "a number such as `100`",
                                   stages_example(read), at.shown()));
  const auto duration = draft.duration ? reader.duration(*draft.duration, length_max)
                                       : std::optional(Duration::max());  // until all are done
  if (!draft.duration && (is_open || !draft.iterations))
    reader.mistake(
        at, fmt::format("How long? Give a `duration` beside {}, such as `5m`.", at.called()));
  if (!level || !duration) return {};
  return {{*duration, *level, *level}};
}

// Does anybody ever come, and does it end?
bool is_sensible(PlanReader& reader, const PlanValue& at, const std::vector<Stage>& stages) {
  if (stages.empty()) return false;
  Duration length{};
  for (const Stage& stage : stages) {
    if (stage.duration > length_max && stages.size() == 1) break;  // until all are done
    length += stage.duration;
    if (length > length_max) {
      reader.mistake(at, fmt::format("The stages of {} take longer than {}: that is the most.",
                                     at.called(), words_of(length_max)));
      return false;
    }
  }
  const bool is_nobody = std::ranges::none_of(stages, [](const Stage& stage) {
    return stage.duration > 0s && (stage.from > 0 || stage.to > 0);
  });
  if (is_nobody)
    reader.mistake(
        at, fmt::format("Nobody comes: {} is 0 all the time, or takes no time.", at.called()));
  return !is_nobody;
}

OpenModel open_of(PlanReader& reader, const PlanValue& at, const std::vector<Stage>& stages) {
  OpenModel model;
  for (const auto& [duration, from, to] : stages) model.stages.push_back({duration, from, to});
  if (Arrivals(model.stages).total() == 0)
    reader.mistake(at, fmt::format("Nobody comes: the first arrival of {} would be after its end.",
                                   at.called()));
  return model;
}

ClosedModel closed_of(std::optional<std::int64_t> iterations, const std::vector<Stage>& stages) {
  ClosedModel model{.iterations = iterations};
  for (const auto& [duration, from, to] : stages)
    model.stages.push_back({duration, std::int64_t(from), std::int64_t(to)});
  return model;
}

// What does not go with the subject.
void refuse_others(PlanReader& reader, const ModelDraft& draft, const PlanValue& subject) {
  for (const auto* other : {&draft.users, &draft.arrivals, &draft.stages})
    if (*other && &**other != &subject)
      reader.mistake(**other, fmt::format("{} stands beside {}: keep one of them.",
                                          (*other)->called(), subject.called()));
  const bool has_stages = subject.is(Kind::map) || (draft.stages && &subject == &*draft.stages);
  if (draft.duration && has_stages)
    reader.mistake(*draft.duration,
                   "`duration` is what the stages take together: leave it out here.");
  if (draft.iterations && draft.arrivals && &subject == &*draft.arrivals)
    reader.mistake(*draft.iterations,
                   "`iterations` are of `users`: who comes by `arrivals` runs once.");
}

}  // namespace

const PlanValue* ModelDraft::subject() const {
  for (const auto* one : {&users, &arrivals, &stages})
    if (*one) return &**one;
  return nullptr;
}

std::optional<LoadModel> read_model(PlanReader& reader, const ModelDraft& draft) {
  const PlanValue* subject = draft.subject();
  if (!subject) {
    for (const auto* lonely : {&draft.duration, &draft.iterations})
      if (*lonely)
        reader.mistake(**lonely, fmt::format("{} of what? Give `users` or `arrivals` beside it.",
                                             (*lonely)->called()));
    return std::nullopt;
  }
  refuse_others(reader, draft, *subject);
  const bool is_open = draft.arrivals && subject == &*draft.arrivals;
  const Level read = is_open ? rate_in : users_in;
  const std::size_t mistakes_before = reader.mistakes.size();
  const auto stages = draft.stages && subject == &*draft.stages
                          ? stages_in(reader, *subject, 0, read)
                      : subject->is(Kind::map) ? shape_in(reader, *subject, read)
                                               : constant_in(reader, *subject, draft, read);
  std::optional<std::int64_t> iterations;
  if (draft.iterations && !is_open) iterations = reader.whole(*draft.iterations, 1, iterations_max);
  if (reader.mistakes.size() != mistakes_before || !is_sensible(reader, *subject, stages))
    return std::nullopt;
  if (is_open) return open_of(reader, *subject, stages);
  return closed_of(iterations, stages);
}

}  // namespace utakata::load
