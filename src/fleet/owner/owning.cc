#include "fleet/owner/owning.h"

#include <algorithm>
#include <utility>

namespace utakata {

Owning::Owning(const Clock& clock, Registry& registry, After after, Options options)
    : clock_(clock),
      registry_(registry),
      after_(std::move(after)),
      options_(std::move(options)),
      table_({.name = options_.name, .life = options_.life, .stable = options_.give_back_after}) {}

void Owning::begin(const std::string& url, std::function<void()> changed) {
  url_ = url;
  table_.is_at(url);
  changed_ = std::move(changed);
  list();
}

void Owning::leave(std::function<void()> done) {
  is_leaving_ = true;
  with_table([](OwnerTable& all) { all.lost_lease(); });
  if (!lease_) return after_(Duration{0}, std::move(done));
  registry_.revoke(lease_, 1s, [done = std::move(done)](const Expected<void>&) { done(); });
}

// The sentence once for each time that the registry is away.
void Owning::said(const Problem& why) {
  if (is_leaving_ || std::exchange(is_away_, true)) return;
  options_.say("owners: " + why.what +
               "; until it answers, clusters are as they are: nothing is launched or stopped");
}

void Owning::answers_again() {
  if (std::exchange(is_away_, false)) options_.say("owners: etcd answers again");
}

void Owning::list() {
  registry_.list([this](Expected<Registry::All> all) {
    if (!all) {
      said(all.error());
      return after_(500ms, [this] { list(); });
    }
    const std::int64_t as_of = all->as_of;
    is_listed_ = true;
    with_table([&](OwnerTable& table) {
      table.know(std::move(all->owners), std::move(all->url_of_controller), as_of, now());
    });
    registry_.watch(
        as_of, [this](std::span<const Registry::News> news) { hear(news); },
        [this] { after_(Duration{0}, [this] { list(); }); });
    look();
  });
}

void Owning::hear(std::span<const Registry::News> news) {
  with_table([&](OwnerTable& table) {
    for (const Registry::News& one : news)
      if (!one.cluster.empty())
        table.know_owner(one.cluster, one.owner, one.as_of, now());
      else
        table.know_controller(one.controller, one.url, now());
  });
  look();
}

void Owning::look() {
  if (is_leaving_ || !is_listed_) return;
  keep_lease();
  if (lease_ && !is_signed_in_) sign_in();
  const bool is_in_time = now() < table_.end();
  if (was_in_time_ && !is_in_time) changed_();
  was_in_time_ = is_in_time;
  if (is_in_time && is_signed_in_) take_steps();
}

void Owning::keep_lease() {
  const Instant asked = now();
  if (is_asking_lease_ || (lease_ && asked - asked_at_ < options_.ttl / 3)) return;
  is_asking_lease_ = true;
  asked_at_ = asked;
  if (!lease_)
    registry_.grant(options_.ttl,
                    [this, asked](Expected<Registry::Lease> given) { granted(given, asked); });
  else
    registry_.keep(lease_, options_.ttl / 2,
                   [this, asked](Expected<Duration> left) { kept(left, asked); });
}

void Owning::granted(const Expected<Registry::Lease>& given, Instant asked) {
  is_asking_lease_ = false;
  if (!given) return said(given.error());
  lease_ = given->id;
  is_signed_in_ = false;
  // More may be given than was asked for; others wait for that long.
  with_table([&](OwnerTable& all) { all.act_until(asked + std::min(given->ttl, options_.ttl)); });
  look();
}

void Owning::kept(const Expected<Duration>& left, Instant asked) {
  is_asking_lease_ = false;
  if (left) {
    answers_again();
    return with_table(
        [&](OwnerTable& all) { all.act_until(asked + std::min(*left, options_.ttl)); });
  }
  if (left.error().kind != Problem::Kind::not_found) return said(left.error());
  lease_ = 0;
  is_signed_in_ = false;
  with_table([&](OwnerTable& all) { all.lost_lease(); });
  keep_lease();
}

void Owning::sign_in() {
  if (std::exchange(is_signing_in_, true)) return;
  registry_.sign_in(lease_, url_, [this, with = lease_](Expected<void> done) {
    is_signing_in_ = false;
    if (!done) return said(done.error());
    answers_again();
    is_signed_in_ = lease_ == with;
    look();
  });
}

void Owning::take_steps() {
  std::vector<OwnerStep> steps;
  {
    const std::lock_guard guard(mutex_);
    steps = table_.steps(now());
  }
  for (const OwnerStep& step : steps) {
    if (!busy_.insert(step.cluster).second) continue;
    step.kind == OwnerStep::Kind::take ? take(step.cluster) : give_back(step);
  }
}

void Owning::take(const std::string& cluster) {
  registry_.read_tenure(cluster, [this, cluster](Expected<Registry::Tenure> before) {
    if (!before) return busy_.erase(cluster), said(before.error());
    take_after(cluster, *before);
  });
}

void Owning::take_after(const std::string& cluster, const Registry::Tenure& before) {
  Registry::Taking taking{
      .cluster = cluster,
      .owner = {.controller = options_.name, .url = url_, .life = options_.life, .fence = 0},
      .tenure = {},
      .read_at = before.read_at,
      .lease = lease_};
  {
    const std::lock_guard guard(mutex_);
    taking.tenure = table_.tenure_after(before.row);
  }
  registry_.take(taking, [this, taking](Expected<Registry::Taken> done) {
    busy_.erase(taking.cluster);
    if (!done) return said(done.error());
    OwnerRow row = taking.owner;
    row.fence = done->fence;
    TenureRow tenure = taking.tenure;
    if (!done->has_succeeded) {
      // Somebody was faster; or it was us, and the answer was lost.
      if (!done->owner || done->lease != taking.lease) return;
      row = *done->owner;
      tenure = done->tenure;
    }
    if (taking.lease != lease_) return;  // lost meanwhile, and the row with it
    with_table([&](OwnerTable& all) { all.took(taking.cluster, row, tenure); });
  });
}

void Owning::give_back(const OwnerStep& step) {
  with_table([&](OwnerTable& all) { all.gives_back(step.cluster); });
  options_.say(step.cluster + " goes back to " + step.to);
  registry_.give_up(step.cluster, step.fence, [this, step](Expected<void> done) {
    if (done) return void(busy_.erase(step.cluster));
    said(done.error());
    after_(500ms, [this, step] { give_back(step); });
  });
}

void Owning::want(std::vector<std::string> clusters) {
  std::vector<OwnerTable::Wanted> wanted;
  for (std::string& cluster : clusters) {
    const auto prefers = options_.prefers.find(cluster);
    wanted.push_back(
        {std::move(cluster), prefers == options_.prefers.end() ? "" : prefers->second});
  }
  const std::lock_guard guard(mutex_);
  table_.want(std::move(wanted));
}

std::vector<std::string> Owning::wanted() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> names;
  for (const OwnerTable::Wanted& each : table_.wanted()) names.push_back(each.cluster);
  return names;
}

Ownership Owning::of(std::string_view cluster) const {
  const std::lock_guard guard(mutex_);
  return table_.of(cluster, now());
}

std::optional<std::int64_t> Owning::fence(std::string_view cluster) const {
  const std::lock_guard guard(mutex_);
  return table_.fence(cluster, now());
}

std::vector<Controller> Owning::others() const {
  const std::lock_guard guard(mutex_);
  return table_.others();
}

}  // namespace utakata
