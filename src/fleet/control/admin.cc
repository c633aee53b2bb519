// The operator's half of Control: every wish is recorded before it is granted, like everything
// else.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fleet/control/cluster.h"
#include "fleet/control/control.h"
#include "fleet/control/difference.h"
#include "fleet/control/report.h"

namespace utakata {
namespace {

Activity wish(const Clock& clock, const std::string& cluster, const char* kind,
              std::string because) {
  return {.number = 0,
          .at = clock.wall(),
          .cluster = cluster,
          .instance = {},
          .phase = Activity::Phase::intent,
          .kind = kind,
          .because = std::move(because),
          .limited_by = {},
          .by = "operator",
          .cut = {}};
}

template <class Names>
std::unexpected<Problem> unknown(const char* what, const std::string& name, const Names& names) {
  std::vector<std::string_view> views(names.begin(), names.end());
  const auto close = nearest(name, views);
  return problem(Problem::Kind::not_found,
                 fmt::format("there is no {} `{}`{}", what, name,
                             close ? fmt::format("; did you mean `{}`?", *close)
                                   : fmt::format("; there are: {}", fmt::join(views, ", "))));
}

std::string done(const std::string& sentence) { return nlohmann::json{{"done", sentence}}.dump(); }

}  // namespace

Expected<void> Control::known(const AdminCall& call) const {
  if (!call.cluster.empty() && !find(call.cluster)) {
    std::vector<std::string> names;
    for (const auto& c : clusters_) names.push_back(c->spec().name);
    return unknown("cluster", call.cluster, names);
  }
  return must_be_ours(call);
}

Expected<std::string> Control::ask(const AdminCall& call) {
  using Verb = AdminCall::Verb;
  if (auto is_known = known(call); !is_known) return std::unexpected(is_known.error());
  switch (call.verb) {
    case Verb::status: {
      std::vector<ClusterReport> reports;
      for (const auto& c : clusters_)
        reports.push_back({c->planner(), c->last_plan(), c->seats(), c->is_ours(),
                           parts_.owners ? parts_.owners->of(c->spec().name).controller : ""});
      return report_status(stack_, reports, parts_.run_folder, parts_.clock.now());
    }
    case Verb::explain: {
      const Cluster& c = *find(call.cluster);
      return report_explain({c.planner(), c.last_plan(), c.seats()}, parts_.clock.wall(),
                            parts_.clock.now());
    }
    case Verb::activities:
      return admin_activities(call);
    case Verb::scale:
      return admin_scale(call);
    case Verb::answer:
      return admin_answer(call);
    case Verb::drain:
    case Verb::undrain:
    case Verb::replace:
    case Verb::restart:
      return admin_instance(call);
    case Verb::apply:
      return admin_apply(call);
    case Verb::down:
      return admin_down(call);
    case Verb::adopt:  // answered later
      break;
  }
  return problem(Problem::Kind::invalid, "no such call");
}

// Who changes a cluster is its owner alone. Whoever asks us is sent on to it before; but it may
// have changed hands on the way.
Expected<void> Control::must_be_ours(const AdminCall& call) const {
  const Cluster* cluster = call.cluster.empty() ? nullptr : find(call.cluster);
  if (!call.instance.empty() && call.verb != AdminCall::Verb::activities)
    cluster = owner_of({call.instance});
  if (!cluster || cluster->is_ours() || call.verb == AdminCall::Verb::activities) return {};
  const std::string owner = parts_.owners->of(cluster->spec().name).controller;
  return problem(Problem::Kind::unavailable,
                 fmt::format("{} is not this controller's now, but {}: ask again in a second",
                             cluster->spec().name, owner.empty() ? "nobody's yet" : owner + "'s"),
                 true);
}

Expected<std::string> Control::admin_activities(const AdminCall& call) {
  auto found = parts_.store.activities({.cluster = call.cluster,
                                        .instance = call.instance,
                                        .after = call.after,
                                        .limit = std::clamp(call.limit, 1, 10'000)});
  if (!found) return std::unexpected(found.error());
  return report_activities(*found);
}

Expected<std::string> Control::admin_scale(const AdminCall& call) {
  Cluster& cluster = *find(call.cluster);
  Desired desired = cluster.fleet().desired;
  const ClusterSpec& spec = cluster.spec();
  if (call.number && (*call.number < 0 || *call.number > spec.instances_max))
    return problem(Problem::Kind::invalid,
                   fmt::format("{} can have 0 to {} instances, {} were asked for: raise "
                               "`instances.max` in the stack file for more",
                               spec.name, spec.instances_max, *call.number));
  desired.by_hand = call.number;
  const std::string sentence = call.number
                                   ? fmt::format("at least {}", plural(*call.number, "instance"))
                                   : "back to the rules";
  if (auto kept = cluster.desire(desired, wish(parts_.clock, spec.name, "scale", sentence)); !kept)
    return std::unexpected(kept.error());
  cluster.replan();
  return done(fmt::format("{}: {}", spec.name, sentence));
}

Expected<std::string> Control::admin_answer(const AdminCall& call) {
  Cluster& cluster = *find(call.cluster);
  std::vector<std::string> names;
  for (const Rule& rule : cluster.spec().scale)
    if (const auto* function = std::get_if<FunctionRule>(&rule.kind))
      names.push_back(function->function);
  if (std::ranges::find(names, call.function) == names.end()) {
    if (names.empty())
      return problem(
          Problem::Kind::not_found,
          fmt::format("no rule of {} asks a function: add `- function: {}` to its `scale`",
                      call.cluster, call.function));
    return unknown("function", call.function, names);
  }
  cluster.take_answer({.function = call.function,
                       .want = call.want.value_or(0),
                       .because = call.text.substr(0, 200)});
  return done(fmt::format("{}: {} says {}", call.cluster, call.function, *call.want));
}

Expected<std::string> Control::admin_instance(const AdminCall& call) {
  using Verb = AdminCall::Verb;
  if (only_observes())
    return problem(Problem::Kind::conflict,
                   "with `provider: observe` others run the instances: nothing here drains, "
                   "replaces or restarts one");
  if (call.instance.empty()) {  // restart a whole cluster: a roll-out
    Cluster& cluster = *find(call.cluster);
    Desired desired = cluster.fleet().desired;
    ++desired.restarts;
    if (auto kept = cluster.desire(desired, wish(parts_.clock, call.cluster, "restart",
                                                 "by an operator: rolled out, nobody cut"));
        !kept)
      return std::unexpected(kept.error());
    cluster.replan();
    return done(fmt::format("{} restarts, a few instances at a time", call.cluster));
  }
  Cluster* cluster = owner_of({call.instance});
  const Instance* instance = nullptr;
  if (cluster)
    for (const Instance& i : cluster->fleet().instances)
      if (i.id.text == call.instance) instance = &i;
  if (!instance) {
    std::vector<std::string> names;
    for (const auto& c : clusters_)
      for (const Instance& i : c->fleet().instances) names.push_back(i.id.text);
    if (names.size() > 20) names.resize(20);
    return unknown("instance", call.instance, names);
  }
  const bool wants_back = call.verb == Verb::undrain;
  const Lifecycle needed = wants_back ? Lifecycle::draining : Lifecycle::serving;
  if (instance->lifecycle != needed)
    return problem(Problem::Kind::conflict,
                   fmt::format("{} is {}: only a {} instance can be {}", call.instance,
                               to_text(instance->lifecycle), to_text(needed),
                               wants_back ? "taken back" : "drained or replaced"));
  const InstanceId action_id = instance->id;
  Action action = ReplaceAction{instance->id, "by an operator"};
  const char* what_follows = "is replaced: it drains as soon as a new one serves in its stead";
  if (wants_back) {
    action = ResumeAction{instance->id, "by an operator"};
    what_follows = "serves again";
  } else if (call.verb == Verb::drain) {
    std::optional<Duration> deadline = cluster->spec().drain.deadline;
    if (call.deadline_ms) deadline = std::chrono::milliseconds{*call.deadline_ms};
    if (call.now) deadline = Duration{0};
    action = DrainAction{instance->id, DrainCause::by_hand, deadline, "by an operator"};
    what_follows = "drains; it is stopped when its last client has left";
  }
  if (auto kept = cluster->by_hand(action); !kept) return std::unexpected(kept.error());
  if (call.verb == Verb::drain && call.override_budget) {
    const double pace = cluster->spec().drain.pace;
    if (pace <= 0 || cluster->spec().drain.tell_path.empty())
      return problem(Problem::Kind::invalid,
                     fmt::format("{} drains, but its clients cannot be sent elsewhere: set `tell` "
                                 "and `pace` of `drain`",
                                 call.instance));
    const CloseAction close{action_id, pace, 0,
                            "by an operator, whatever the disconnect budget says"};
    if (auto kept = cluster->by_hand(close); !kept) return std::unexpected(kept.error());
    what_follows = "drains, and its clients are sent elsewhere";
  }
  cluster->replan();
  return done(fmt::format("{} {}", call.instance, what_follows));
}

Expected<void> Control::take_down(Cluster& cluster, const AdminCall& call) {
  Desired desired = cluster.fleet().desired;
  desired.shutting_down = true;
  desired.down_now = desired.down_now || call.now;
  if (call.deadline_ms) desired.down_deadline = std::chrono::milliseconds{*call.deadline_ms};
  const char* how = call.now ? "at once, cutting who is connected" : "waiting for clients";
  return cluster.desire(desired, wish(parts_.clock, cluster.spec().name, "down", how));
}

Expected<std::string> Control::admin_down(const AdminCall& call) {
  for (auto& cluster : clusters_) {
    if (!cluster->is_ours()) continue;  // its owner is asked, too
    if (auto kept = take_down(*cluster, call); !kept) return std::unexpected(kept.error());
  }
  down_ = call;  // for those that nobody owns just now, should they become ours
  for (auto& cluster : clusters_) {
    if (!cluster->is_ours()) continue;
    only_observes() ? cluster->forget() : cluster->replan();
  }
  down_turn();
  return done("the stack goes down");
}

Expected<std::string> Control::admin_apply(const AdminCall& call) {
  auto parsed = parts_.parse(call.text);
  if (!parsed) return std::unexpected(parsed.error());
  Stack& fresh = *parsed;
  if (fresh.name != stack_.name || fresh.store != stack_.store || fresh.api != stack_.api ||
      fresh.publish != stack_.publish)
    return problem(
        Problem::Kind::conflict,
        "`stack`, `store`, `api` and `publish` cannot change under a running controller: "
        "stop the controller with SIGTERM (its instances stay) and start it with the "
        "new file");
  if (fresh.provider != stack_.provider)
    return problem(Problem::Kind::conflict,
                   "`provider` cannot change under a running controller: take the stack down with "
                   "`utakata down` and start it with the new file");
  const std::vector<std::string> lines = difference(stack_, fresh);
  const std::string answer =
      nlohmann::json{{"difference", lines}, {"applied", !call.dry_run && !lines.empty()}}.dump();
  if (call.dry_run || lines.empty()) return answer;
  const std::string freeze = frozen();
  if (!freeze.empty() && !call.override_freeze)
    return problem(Problem::Kind::conflict,
                   fmt::format("{}, and nothing is changed meanwhile: wait, or say "
                               "--override-freeze, which is recorded",
                               freeze));
  down_.reset();  // whoever gives a file means it
  for (auto& cluster : clusters_) {
    const auto found = std::ranges::find(fresh.clusters, cluster->spec().name, &ClusterSpec::name);
    if (!cluster->is_ours()) {
      if (found != fresh.clusters.end()) cluster->respec(*found);
      continue;
    }
    Desired desired = cluster->fleet().desired;
    desired.shutting_down = found == fresh.clusters.end();
    if (auto kept = cluster->desire(
            desired,
            wish(parts_.clock, cluster->spec().name, "apply",
                 (desired.shutting_down ? "the file no longer names it" : "edited stack file") +
                     (freeze.empty() ? "" : ", by override although " + freeze)));
        !kept)
      return std::unexpected(kept.error());
    if (found != fresh.clusters.end()) cluster->respec(*found);
  }
  for (const ClusterSpec& spec : fresh.clusters) {
    if (find(spec.name)) continue;
    clusters_.push_back(make_cluster({}, spec));
    if (clusters_.back()->is_ours()) clusters_.back()->start();
  }
  const std::string powers_before = words_of(stack_.powers);
  stack_ = std::move(fresh);
  if (auto noted = note_powers(powers_before); !noted) parts_.on_problem(noted.error().what);
  if (auto kept = parts_.store.set("stack_file", call.text); !kept)
    parts_.on_problem(kept.error().what);
  want_clusters();
  for (auto& cluster : clusters_) {
    if (!cluster->is_ours()) continue;
    only_observes() && cluster->fleet().desired.shutting_down ? cluster->forget()
                                                              : cluster->replan();
  }
  return answer;
}

// What it may do is handed over by people, and that is recorded like everything they do.
Expected<void> Control::note_powers(const std::string& before) {
  const std::string now = words_of(stack_.powers);
  if (before == now) return {};
  if (!before.empty()) {
    Batch batch;
    batch.activities.push_back(wish(parts_.clock, "", "powers", before + " -> " + now));
    if (auto recorded = parts_.store.record(batch); !recorded) return recorded;
    for (const Activity& a : batch.activities) parts_.on_activity(a);
  }
  return parts_.store.set("powers", now);
}

}  // namespace utakata
