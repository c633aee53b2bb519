#include "fleet/model/activity.h"
#include "fleet/model/instance.h"
#include "fleet/model/plan.h"
#include "fleet/model/stack.h"

namespace utakata {

const char* to_text(ShowState::Phase phase) {
  switch (phase) {
    case ShowState::Phase::before:
      return "before";
    case ShowState::Phase::preparing:
      return "preparing";
    case ShowState::Phase::ready:
      return "ready";
    case ShowState::Phase::on_air:
      return "on air";
    case ShowState::Phase::over:
      return "over";
  }
  return "?";
}

const char* to_text(ProviderKind provider) {
  switch (provider) {
    case ProviderKind::process:
      return "process";
    case ProviderKind::docker:
      return "docker";
    case ProviderKind::swarm:
      return "swarm";
    case ProviderKind::observe:
      return "observe";
  }
  return "?";
}

bool has_containers(ProviderKind provider) {
  return provider == ProviderKind::docker || provider == ProviderKind::swarm;
}

bool is_here(const EngineAddress& engine) {
  const std::string& host = engine.host;
  return host.empty() || host.starts_with("127.") || host.starts_with("localhost:") ||
         host.starts_with("[::1]:");
}

std::string to_text(const EngineAddress& engine) {
  return engine.host.empty() ? engine.socket : "tcp://" + engine.host;
}

const char* to_text(Lifecycle lifecycle) {
  switch (lifecycle) {
    case Lifecycle::starting:
      return "starting";
    case Lifecycle::serving:
      return "serving";
    case Lifecycle::draining:
      return "draining";
    case Lifecycle::stopping:
      return "stopping";
    case Lifecycle::gone:
      return "gone";
  }
  return "?";
}

const char* to_text(DrainCause cause) {
  switch (cause) {
    case DrainCause::scale_in:
      return "scale_in";
    case DrainCause::rollout:
      return "rollout";
    case DrainCause::by_hand:
      return "by_hand";
    case DrainCause::healing:
      return "healing";
    case DrainCause::shutdown:
      return "shutdown";
  }
  return "?";
}

const char* to_text(SpreadOver spread) {
  switch (spread) {
    case SpreadOver::zones:
      return "zones";
    case SpreadOver::hosts:
      return "hosts";
    case SpreadOver::none:
      return "none";
  }
  return "?";
}

const char* to_text(Activity::Phase phase) {
  switch (phase) {
    case Activity::Phase::intent:
      return "intent";
    case Activity::Phase::outcome:
      return "outcome";
  }
  return "?";
}

}  // namespace utakata
