#include "fleet/control/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/check.h"
#include "fleet/control/cluster.h"

namespace utakata {
namespace {

// What this life has not seen yet starts anew: silence and ages count from now.
Fleet fleet_from(const Saved& saved, const ClusterSpec& spec, Instant now) {
  Fleet fleet;
  fleet.spec = spec;
  for (const Batch::ClusterRow& row : saved.clusters)
    if (row.cluster == spec.name) fleet.desired = row.desired, fleet.next_number = row.next_number;
  for (const InstanceRow& row : saved.instances) {
    if (row.cluster != spec.name) continue;
    Instance i = row.instance;
    i.since = i.launched_at = i.last_answer = now;
    fleet.instances.push_back(std::move(i));
  }
  return fleet;
}

// A `down` that the former life did not finish goes on. A finished one is over: whoever starts the
// stack again means it, and so does a file that names a removed cluster again.
bool is_going_down(const Saved& saved, const Stack& stack) {
  return !saved.instances.empty() &&
         std::ranges::all_of(stack.clusters, [&](const ClusterSpec& spec) {
           const auto row =
               std::ranges::find(saved.clusters, spec.name, &Batch::ClusterRow::cluster);
           return row != saved.clusters.end() && row->desired.shutting_down;
         });
}

// With it ends what was wished by hand before it: the next show begins with the file.
void forget_down(Desired& desired) {
  if (!desired.shutting_down) return;
  const int restarts = desired.restarts;
  desired = {};
  desired.restarts = restarts;
}

}  // namespace

Control::Control(ControlParts parts, Stack stack)
    : parts_(std::move(parts)), stack_(std::move(stack)) {}
Control::~Control() { *alive_ = false; }

// Ours or another's, as the owners say now.
std::unique_ptr<Cluster> Control::make_cluster(const Saved& saved, const ClusterSpec& spec) {
  Fleet fleet = fleet_from(saved, spec, parts_.clock.now());
  if (over_.contains(spec.name)) forget_down(fleet.desired);
  if (gone_.contains(spec.name)) fleet.desired.shutting_down = true;
  const Ownership ownership = parts_.owners ? parts_.owners->of(spec.name)
                                            : Ownership{.kind = Ownership::Kind::ours, .tenure = 1};
  const bool is_mine = ownership.kind == Ownership::Kind::ours;
  auto cluster =
      std::make_unique<Cluster>(*this, spec, std::move(fleet), is_mine ? ownership.tenure : 0);
  cluster->remember(saved.settings);
  return cluster;
}

Expected<void> Control::start(const Saved& saved) {
  if (!is_going_down(saved, stack_))
    for (const Batch::ClusterRow& row : saved.clusters)
      if (row.desired.shutting_down) over_.insert(row.cluster);
  for (const ClusterSpec& spec : stack_.clusters) clusters_.push_back(make_cluster(saved, spec));
  // A cluster that the file no longer names still has its instances: it drains, with what is known
  // of it.
  for (const InstanceRow& row : saved.instances) {
    if (find(row.cluster)) continue;
    ClusterSpec gone;
    gone.name = row.cluster;
    gone.version = row.instance.version;
    gone_.insert(gone.name);
    clusters_.push_back(make_cluster(saved, gone));
  }
  want_clusters();
  std::string powers;
  for (const auto& [name, text] : saved.settings)
    if (name == "powers") powers = text;
  if (auto noted = note_powers(powers); !noted) parts_.on_problem(noted.error().what);
  parts_.provider.on_news([this] { hear(); });
  for (auto& cluster : clusters_)
    if (cluster->is_ours()) cluster->start();
  if (parts_.owners) refresh();
  return {};
}

void Control::hear() {
  std::map<Cluster*, std::vector<ProviderNews>> news_of;
  for (ProviderNews& news : parts_.provider.hear())
    if (Cluster* owner = news.id.text.empty() ? find(news.cluster) : owner_of(news.id))
      news_of[owner].push_back(std::move(news));
  // In the stack's order, not in that of pointers: the same news must lead to the same steps.
  for (const auto& cluster : clusters_)
    if (const auto news = news_of.find(cluster.get()); news != news_of.end())
      cluster->hear(std::move(news->second));
}

void Control::take(SeatReport report) {
  if (Cluster* cluster = find(report.cluster)) cluster->take(std::move(report));
}

const Fleet* Control::fleet(const std::string& cluster) const {
  const Cluster* const known = find(cluster);
  return known ? &known->fleet() : nullptr;
}

const Plan* Control::last_plan(const std::string& cluster) const {
  const Cluster* const known = find(cluster);
  return known ? &known->last_plan() : nullptr;
}

// The stack's instances of any 24 hours cost what they may cost; empty: they do not yet.
std::string Control::over_cap() const {
  const PriceSpec& price = stack_.price;
  if (!price.cap_per_day) return {};
  double hours = 0;
  for (const auto& cluster : clusters_) hours += cluster->spent_hours();
  const double cost = hours * price.instance_hour;
  if (cost < *price.cap_per_day) return {};
  return fmt::format("cap_per_day {} {}: the last 24 hours cost {:.2f}", *price.cap_per_day,
                     price.currency, cost);
}

std::string Control::frozen() const {
  for (const auto& cluster : clusters_)
    if (!cluster->last_plan().frozen.empty()) return cluster->last_plan().frozen;
  return {};
}

Cluster* Control::find(const std::string& name) const {
  const auto found =
      std::ranges::find_if(clusters_, [&](const auto& c) { return c->spec().name == name; });
  return found == clusters_.end() ? nullptr : found->get();
}

Cluster* Control::owner_of(const InstanceId& id) const {
  const auto dash = id.text.rfind('-');
  return dash == std::string::npos ? nullptr : find(id.text.substr(0, dash));
}

std::string Control::unmet_needs(const ClusterSpec& spec) const {
  for (const std::string& need : spec.needs) {
    const bool serves = std::ranges::any_of(clusters_, [&](const auto& c) {
      return c->spec().name == need &&
             std::ranges::any_of(c->fleet().instances, [](const Instance& i) {
               return i.lifecycle == Lifecycle::serving;
             });
    });
    if (!serves) return fmt::format("needs {}, of which none serves yet", need);
  }
  return {};
}

bool Control::needed_by_living(const ClusterSpec& spec) const {
  return std::ranges::any_of(clusters_, [&](const auto& c) {
    const auto& needs = c->spec().needs;
    return std::ranges::find(needs, spec.name) != needs.end() && !c->fleet().instances.empty();
  });
}

// A `down` goes from the clusters that need others to those that are needed; when nothing is left
// it is told once.
void Control::down_turn() {
  bool all_down = true;
  for (auto& cluster : clusters_) {
    const Fleet& fleet = cluster->fleet();
    all_down = all_down && fleet.desired.shutting_down && fleet.instances.empty();
  }
  if (!all_down || is_down_told_ || clusters_.empty()) return;
  is_down_told_ = true;
  parts_.after(Duration{0}, [this] { parts_.on_down(); });
}

}  // namespace utakata
