// Cluster: what is asked of the provider and told to instances, once it is recorded.
#include <fmt/format.h>

#include <algorithm>

#include "fleet/control/cluster.h"
#include "fleet/control/launch.h"
#include "fleet/plan/apply.h"

namespace utakata {

// Those whose handles are recorded by now. Of one that is to stop a launch told late stops, too.
void Cluster::release() {
  for (const auto& [id, handle] : std::exchange(to_release_, {})) {
    const auto found = std::ranges::find(fleet().instances, id, &Instance::id);
    if (found != fleet().instances.end() && found->lifecycle == Lifecycle::stopping)
      (void)control_.parts_.provider.stop(id, spec().drain.grace);
    else
      control_.parts_.provider.release(id, handle);
  }
}

void Cluster::act(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    const auto found = std::ranges::find(fleet().instances, id_of(action), &Instance::id);
    if (found == fleet().instances.end()) continue;
    if (const auto* launching = std::get_if<LaunchAction>(&action)) launch(*launching);
    if (std::holds_alternative<StopAction>(action))
      (void)control_.parts_.provider.stop(found->id, spec().drain.grace);
    if (std::holds_alternative<DrainAction>(action)) tell(*found, true);
    if (std::holds_alternative<ResumeAction>(action)) tell(*found, false);
    if (const auto* close = std::get_if<CloseAction>(&action))
      tell(*found, found->lifecycle == Lifecycle::draining, *close);
  }
}

void Cluster::launch(const LaunchAction& action) {
  const auto value_of = [this](std::string_view name,
                               std::string_view field) -> std::optional<std::string> {
    const Cluster* other = control_.find(std::string(name));
    if (!other) return std::nullopt;
    for (const Instance& i : other->fleet().instances) {
      if (i.lifecycle != Lifecycle::serving) continue;
      if (field == "host") return i.address.host;
      if (field == "port") return std::to_string(i.address.port);
      if (field == "url") return i.url;
    }
    return std::nullopt;
  };
  const std::string token = control_.parts_.token_of(action.id);
  auto spec_for_it = launch_spec(control_.stack_, spec(),
                                 {.instance = action.id.text,
                                  .token = token,
                                  .api_url = control_.parts_.api_url,
                                  .stack = control_.stack_.name,
                                  .host = action.host,
                                  .zone = action.zone,
                                  .cluster = value_of});
  Expected<void> asked;
  if (!spec_for_it)
    asked = std::unexpected(spec_for_it.error());
  else
    asked = control_.parts_.provider.launch(action.id, *spec_for_it);
  if (!asked)
    refused_.push_back({.kind = ProviderNews::Kind::launch_failed,
                        .id = action.id,
                        .handle = {},
                        .address = {},
                        .what = asked.error().what,
                        .retry = asked.error().retry});
}

// Three times within each lease: two may be lost.
void Cluster::lend(Instant now) {
  if (!spec().lease || now < lend_at_) return;
  lend_at_ = now + *spec().lease / 3;
  for (const Instance& i : fleet().instances)
    if (i.address.port != 0 && i.lifecycle != Lifecycle::stopping)
      control_.parts_.teller.lend(i.address, control_.parts_.token_of(i.id), *spec().lease);
}

void Cluster::tell(const Instance& i, bool draining, std::optional<CloseAction> close) {
  if (spec().drain.tell_path.empty() || i.address.port == 0 || control_.only_observes()) return;
  control_.parts_.teller.tell(
      {.address = i.address,
       .method = spec().drain.tell_method,
       .path = spec().drain.tell_path,
       .token = control_.parts_.token_of(i.id),
       .draining = draining,
       .deadline = i.drain_left,
       .close = std::move(close),
       .ask = fmt::format("{}/v1/stacks/{}/clusters/{}/endpoint", control_.parts_.api_url,
                          control_.stack_.name, spec().name),
       .reconnects = spec().reconnects},
      [this, alive = alive_, id = i.id](Expected<void> told) {
        if (*alive && !told)
          control_.parts_.on_problem(
              fmt::format("{} could not be told: {}", id.text, told.error().what));
      });
}

}  // namespace utakata
