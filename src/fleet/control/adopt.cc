// `utakata adopt`: what somebody else started becomes an instance. Looked at first, then recorded,
// then taken over; whatever is wrong leaves everything as it was.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fleet/control/cluster.h"
#include "fleet/control/control.h"
#include "fleet/control/launch.h"
#include "fleet/plan/apply.h"

namespace utakata {
namespace {

constexpr Duration adopted_look{3s};  // once: it need not keep a tick's deadline

std::unexpected<Problem> conflict(std::string what) {
  return problem(Problem::Kind::conflict, std::move(what));
}

}  // namespace

void Control::ask(const AdminCall& call, Answer answer) {
  if (call.verb != AdminCall::Verb::adopt) return answer(ask(call));
  if (auto is_known = known(call); !is_known) return answer(std::unexpected(is_known.error()));
  if (only_observes())
    return answer(
        conflict("with `provider: observe` others run the instances, and nothing is "
                 "adopted: start the stack with `provider: process` or `docker`"));
  adopt(call, std::move(answer));
}

void Control::adopt(const AdminCall& call, Answer answer) {
  const ForeignQuery query{
      .pid = call.foreign.pid,
      .label = call.foreign.label,
      .port = call.foreign.port,
      .counts_sockets = find(call.cluster)->spec().count.kind == CountSpec::Kind::sockets};
  parts_.provider.find_foreign(
      query, [this, alive = std::weak_ptr(alive_), name = call.cluster,
              answer = std::move(answer)](Expected<std::vector<Foreign>> found) mutable {
        if (alive.expired()) return;
        if (!found) return answer(std::unexpected(found.error()));
        Cluster* const cluster = find(name);  // it may be gone by now, or another's
        if (!cluster || !cluster->is_ours())
          return answer(conflict(fmt::format("{} is not this controller's any more", name)));
        cluster->adopt(std::move(*found), std::move(answer));
      });
}

Expected<void> Cluster::may_adopt(const std::vector<Foreign>& found) const {
  if (fleet().desired.shutting_down)
    return conflict(fmt::format("{} goes down, and adopts nothing", spec().name));
  int size = int(found.size());
  for (const Instance& i : fleet().instances) {
    size += i.lifecycle == Lifecycle::starting || i.lifecycle == Lifecycle::serving;
    if (std::ranges::find(found, i.handle, &Foreign::handle) != found.end())
      return conflict(fmt::format("{} is {} already", i.handle, i.id.text));
  }
  if (size > spec().instances_max)
    return conflict(fmt::format("{} would have {}, and `instances.max` is {}: raise it first",
                                spec().name, plural(size, "instance"), spec().instances_max));
  return {};
}

void Cluster::adopt(std::vector<Foreign> found, Control::Answer answer) {
  if (adopting_) return answer(conflict("another adoption is under way: ask again in a moment"));
  if (auto may = may_adopt(found); !may) return answer(std::unexpected(may.error()));
  adopting_ = control_.parts_.make_probe(spec());
  std::vector<ProbeTarget> targets;
  for (const Foreign& one : found)
    targets.push_back(
        {.id = {one.handle}, .handle = one.handle, .address = one.address, .starting = true});
  const auto looked = [this, alive = alive_, found,
                       answer = std::move(answer)](const std::vector<Sight>& sights) {
    if (!*alive) return;
    // Not from within itself.
    control_.parts_.after(Duration{0}, [this, alive] {
      if (*alive) adopting_.reset();
    });
    for (std::size_t k = 0; k < found.size(); ++k)
      if (!sights[k].ready)
        return answer(conflict(
            fmt::format("{} at {}:{} is not ready as {} is to be: {}; nothing was adopted",
                        found[k].handle, found[k].address.host, found[k].address.port, spec().name,
                        sights[k].problem.empty() ? "it does not answer" : sights[k].problem)));
    answer(take_in(found));
  };
  adopting_->look(targets, adopted_look, looked);
}

Expected<std::string> Cluster::take_in(const std::vector<Foreign>& found) {
  if (auto may = may_adopt(found); !may) return std::unexpected(may.error());
  const Instant now = control_.parts_.clock.now();
  Batch batch;
  batch.clusters.push_back(row());
  std::vector<Action> actions;
  std::vector<std::string> ids;
  for (const Foreign& one : found) {
    const int number = batch.clusters[0].next_number++;
    const AdoptAction adopt{
        .id = {fmt::format("{}-{}", spec().name, number)},
        .because = fmt::format("{} at {}:{}", one.handle, one.address.host, one.address.port),
        .handle = one.handle,
        .address = one.address};
    ids.push_back(adopt.id.text);
    actions.push_back(adopt);
    batch.activities.push_back(intent(adopt, {}));
    batch.activities.back().by = "operator";
    Instance i = after(fleet(), adopt, now);
    i.url = client_url(spec(), i);
    i.token_hash = control_.parts_.hash_of(control_.parts_.token_of(i.id));
    batch.instances.push_back({spec().name, std::move(i)});
  }
  if (auto recorded = control_.parts_.store.record(batch); !recorded)
    return std::unexpected(recorded.error());
  for (const Activity& a : batch.activities) control_.parts_.on_activity(a);
  for (std::size_t k = 0; k < actions.size(); ++k) {
    const Instance& i = batch.instances[k].instance;
    planner_.commit(actions[k], now);
    planner_.commit_launched(i);
    control_.parts_.provider.adopt(i.id, i.handle, i.address);
  }
  replan();
  return nlohmann::json{{"done", fmt::format("{} adopted: {}", fmt::join(ids, ", "),
                                             batch.activities.back().because)},
                        {"instances", ids}}
      .dump();
}

}  // namespace utakata
