#include "fleet/plan/apply.h"

#include <algorithm>

#include "base/check.h"

namespace utakata {
namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};

Instance launched(const Fleet& fleet, const LaunchAction& launch, Instant now) {
  Instance i;
  i.id = launch.id;
  i.version = fleet.spec.version;
  i.host = launch.host;
  i.zone = launch.zone;
  i.since = i.launched_at = i.last_answer = now;
  return i;
}

Instance adopted(const Fleet& fleet, const AdoptAction& adopt, Instant now) {
  Instance i = launched(fleet, {.id = adopt.id, .because = {}, .substitute_for = {}}, now);
  i.handle = adopt.handle;
  i.address = adopt.address;
  return i;
}

}  // namespace

Instance after(const Fleet& fleet, const Action& action, Instant now) {
  if (const auto* launch = std::get_if<LaunchAction>(&action)) return launched(fleet, *launch, now);
  if (const auto* adopt = std::get_if<AdoptAction>(&action)) return adopted(fleet, *adopt, now);
  const auto found = std::ranges::find(fleet.instances, id_of(action), &Instance::id);
  check(found != fleet.instances.end(), "an action names an instance of the fleet");
  Instance i = *found;
  const auto enter = [&](Lifecycle lifecycle) { i.lifecycle = lifecycle, i.since = now; };
  std::visit(overloaded{
                 [](const LaunchAction&) {},
                 [](const AdoptAction&) {},
                 [&](const DrainAction& drain) {
                   enter(Lifecycle::draining);
                   i.drain_cause = drain.cause;
                   i.drain_left = drain.deadline;
                   i.zeros = 0;
                   i.out_of_placement = false;  // until placement confirms it
                 },
                 [&](const ReplaceAction&) { i.version += " replaced"; },
                 [&](const ResumeAction&) {
                   enter(Lifecycle::serving);
                   i.drain_cause.reset();
                   i.drain_left.reset();
                   i.zeros = 0;
                 },
                 [&](const CloseAction&) {
                   if (i.lifecycle == Lifecycle::draining) i.closes_begun = true;
                 },
                 [&](const StopAction&) { enter(Lifecycle::stopping); },
                 [&](const SuspectAction&) { i.suspect = true; },
                 [&](const TrustAction&) { i.suspect = false, i.substituted = false; },
             },
             action);
  return i;
}

void put(Fleet& fleet, const Instance& instance) {
  const auto found = std::ranges::find(fleet.instances, instance.id, &Instance::id);
  if (found != fleet.instances.end()) {
    *found = instance;
    return;
  }
  fleet.instances.push_back(instance);
  const auto dash = instance.id.text.rfind('-');
  check(dash != std::string::npos, "an instance's id ends in its number");
  fleet.next_number = std::max(fleet.next_number, std::stoi(instance.id.text.substr(dash + 1)) + 1);
}

const InstanceId& id_of(const Action& action) {
  return std::visit([](const auto& a) -> const InstanceId& { return a.id; }, action);
}

const std::string& because_of(const Action& action) {
  return std::visit([](const auto& a) -> const std::string& { return a.because; }, action);
}

const char* kind_of(const Action& action) {
  return std::visit(
      overloaded{
          [](const LaunchAction&) { return "launch"; }, [](const DrainAction&) { return "drain"; },
          [](const ReplaceAction&) { return "replace"; },
          [](const ResumeAction&) { return "resume"; }, [](const CloseAction&) { return "close"; },
          [](const StopAction&) { return "stop"; }, [](const SuspectAction&) { return "suspect"; },
          [](const TrustAction&) { return "trust"; }, [](const AdoptAction&) { return "adopt"; }},
      action);
}

std::string what_limits(const Action& action, const Plan& plan) {
  const bool is_sizing = std::holds_alternative<LaunchAction>(action) ||
                         std::holds_alternative<DrainAction>(action) ||
                         std::holds_alternative<CloseAction>(action);
  if (!is_sizing) return {};
  const bool has_both = !plan.want.limited_by.empty() && !plan.held_back.empty();
  return plan.want.limited_by + (has_both ? "; " : "") + plan.held_back;
}

}  // namespace utakata
