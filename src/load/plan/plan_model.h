// Reads how many users there are: `users`, `arrivals` or `stages`, with `duration` and
// `iterations`.
#pragma once

#include <optional>

#include "load/plan/plan_reader.h"

namespace utakata::load {

// The keys of a plan, or of one of its scenarios, that say so.
struct ModelDraft {
  std::optional<PlanValue> users{}, arrivals{}, stages{}, duration{}, iterations{};

  // The one that says how many; nothing: none does.
  const PlanValue* subject() const;
};

constexpr std::string_view model_example = "users: 100, duration: '5m'";

// Nothing: there is no subject (then other keys are mistakes), or it could not be read.
std::optional<LoadModel> read_model(PlanReader& reader, const ModelDraft& draft);

}  // namespace utakata::load
