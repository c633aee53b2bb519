#include "sim/crowds.h"

#include <algorithm>

namespace utakata {
namespace {

bool enters(const Activity& one) {
  return one.phase == Activity::Phase::intent &&
         (one.kind == "drain" || one.kind == "stop" || one.kind == "resume");
}

}  // namespace

std::string crowd_of(const Decisions::value_type& one, const SimWorld& world) {
  const Guest* const guest = world.hosts.find(one.first);
  switch (world.spec.spread) {
    case SpreadOver::zones:
      return guest ? world.hosts.zone_of(*guest) : one.second.zone;
    case SpreadOver::hosts:
      return guest ? world.hosts.host_of(*guest) : one.second.host;
    case SpreadOver::none:
      break;
  }
  return {};
}

Crowds crowds_before(const SimStep& step) {
  std::map<std::string_view, const Activity*> intents;
  for (const Activity& one : step.activities)
    if (enters(one) || is_intent(one, "launch")) intents.emplace(one.instance, &one);
  Crowds crowds;
  for (const auto& one : step.world.decided) {
    const auto intent = intents.find(one.first.text);
    if (intent != intents.end() && intent->second->kind == "launch") continue;
    const Lifecycle was = intent != intents.end() ? one.second.was : one.second.lifecycle;
    crowds[crowd_of(one, step.world)] += was == Lifecycle::starting || was == Lifecycle::serving;
  }
  return crowds;
}

}  // namespace utakata
