#include "sim/recorded.h"

#include <algorithm>

namespace utakata {
namespace {

void enter(Decided& decided, Lifecycle lifecycle, Instant now) {
  decided.was = std::exchange(decided.lifecycle, lifecycle);
  decided.since = now;
  if (lifecycle == Lifecycle::serving) decided.serving_since = now;
  if (lifecycle == Lifecycle::draining) decided.drained_at = now;
}

void take_one(Decided& decided, const Activity& one, const Instance* row, Instant now) {
  if (one.kind == "launch" && row) decided.host = row->host, decided.zone = row->zone;
  if (one.kind == "launch" || one.kind == "replace")
    decided.version = row ? row->version : "";
  else if (one.kind == "ready" || one.kind == "resume")
    enter(decided, Lifecycle::serving, now);
  else if (one.kind == "stop")
    enter(decided, Lifecycle::stopping, now);
  else if (one.kind == "suspect" || one.kind == "trust")
    decided.is_suspect = one.kind == "suspect";
  if (one.kind != "drain") return;
  enter(decided, Lifecycle::draining, now);
  decided.drain_cause = row ? row->drain_cause : std::nullopt;
  decided.deadline = row ? row->drain_left : std::nullopt;
}

}  // namespace

void Recorded::take(const Batch& batch, Instant now) {
  for (const Activity& one : batch.activities) {
    if (one.instance.empty() || one.kind == "twin") continue;  // it never was an instance
    Decisions& decisions = clusters_[one.cluster];
    if (one.kind == "gone" || one.kind == "launch_failed") {
      decisions.erase({one.instance});
      continue;
    }
    const InstanceRow* row = nullptr;  // the last one says what the whole batch came to
    for (const InstanceRow& candidate : batch.instances)
      if (candidate.instance.id.text == one.instance) row = &candidate;
    const auto [known, is_new] = decisions.try_emplace({one.instance});
    if (is_new) known->second.since = now;
    take_one(known->second, one, row ? &row->instance : nullptr, now);
  }
}

void Recorded::begin_life() {
  for (auto& [cluster, decisions] : clusters_) begin_life(cluster);
}

void Recorded::begin_life(const std::string& cluster) {
  for (auto& [id, decided] : clusters_[cluster]) decided.is_suspect = false;
}

int count_of(const Decisions& decisions, Lifecycle lifecycle) {
  return int(std::ranges::count(decisions, lifecycle,
                                [](const auto& one) { return one.second.lifecycle; }));
}

int size_of(const Decisions& decisions) {
  return count_of(decisions, Lifecycle::starting) + count_of(decisions, Lifecycle::serving);
}

}  // namespace utakata
