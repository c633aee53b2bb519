#include "sim/etcd.h"

#include <fmt/format.h>

#include <algorithm>

namespace utakata {
namespace {

Problem away() { return {Problem::Kind::unavailable, "etcd: nobody answers", true}; }
Problem too_late() { return {Problem::Kind::timed_out, "etcd: no answer came in time", true}; }
Problem over() { return {Problem::Kind::not_found, "etcd: the lease has ended"}; }

}  // namespace

const MadeUpEtcd::Owner* MadeUpEtcd::owner(std::string_view cluster) const {
  const auto known = owners_.find(cluster);
  return known == owners_.end() ? nullptr : &known->second;
}

// Measured: half a second late at most, but some seconds where etcd itself had to find a leader.
Instant MadeUpEtcd::end_of(Duration ttl) {
  const double late = random_.below(20) == 0 ? 4.5 : 0.5;
  return timeline_.now() + ttl + from_seconds(late * random_.unit());
}

void MadeUpEtcd::keep(std::int64_t lease, Duration ttl) {
  leases_[lease] = {.ttl = ttl, .ends = end_of(ttl)};
  look_at(lease);
}

void MadeUpEtcd::look_at(std::int64_t lease) {
  const Instant ends = leases_.at(lease).ends;
  timeline_.after(ends - timeline_.now(), [this, lease, ends] {
    const auto known = leases_.find(lease);
    if (!is_away_ && known != leases_.end() && known->second.ends == ends) revoke(lease);
  });
}

void MadeUpEtcd::revoke(std::int64_t lease) {
  if (leases_.erase(lease) == 0) return;
  ++revision_;
  std::vector<Registry::News> gone;
  for (const auto& [cluster, owner] : owners_)
    if (owner.lease == lease) gone.push_back({.cluster = cluster, .controller = {}});
  for (const auto& [name, controller] : controllers_)
    if (controller.lease == lease) gone.push_back({.cluster = {}, .controller = name});
  for (Registry::News& one : gone) {
    owners_.erase(one.cluster);
    controllers_.erase(one.controller);
    tell(std::move(one));
  }
}

void MadeUpEtcd::forget(std::string_view controller) {
  if (const auto known = controllers_.find(controller); known != controllers_.end())
    revoke(known->second.lease);
}

// Who leads anew gives every lease its whole time.
void MadeUpEtcd::set_away(bool is_away) {
  is_away_ = is_away;
  if (is_away) return;
  for (auto& [id, lease] : leases_) {
    lease.ends = end_of(lease.ttl);
    look_at(id);
  }
  for (EtcdLine* const line : lines_) line->go_on();
}

void MadeUpEtcd::tell(Registry::News news) {
  news.as_of = revision_;
  news_.push_back(std::move(news));
  for (EtcdLine* const line : lines_) line->go_on();
}

EtcdLine::EtcdLine(MadeUpEtcd& etcd, Ends ends) : etcd_(etcd), ends_(std::move(ends)) {
  etcd_.lines_.push_back(this);
}

EtcdLine::~EtcdLine() {
  std::erase(etcd_.lines_, this);
  *alive_ = false;
}

// Now and then a packet is sent again.
Duration EtcdLine::way() {
  Random& random = etcd_.random_;
  return from_seconds(random.below(30) == 0 ? 0.3 * random.unit() : 0.001 + 0.004 * random.unit());
}

template <class T>
void EtcdLine::ask(Duration within, Done<T> done, std::function<Expected<T>(MadeUpEtcd&)> work) {
  struct Call {
    Done<T> done;
    bool is_over = false;
  };
  auto call = std::make_shared<Call>(Call{std::move(done)});
  const auto answer = [arrives = ends_.arrives, alive = alive_, call](Expected<T> what) {
    if (!*alive) return;
    arrives([alive, call, what = std::move(what)] {
      if (*alive && !std::exchange(call->is_over, true)) call->done(what);
    });
  };
  Timeline& timeline = etcd_.timeline_;
  timeline.after(within, [answer] { answer(std::unexpected(too_late())); });
  timeline.after(way(), [this, &etcd = etcd_, alive = alive_, is_cut = ends_.is_cut,
                         work = std::move(work), answer] {
    if (is_cut()) return;  // until the deadline
    if (etcd.is_away_) return answer(std::unexpected(away()));
    auto what = work(etcd);  // also of one that has died since
    if (!*alive) return;
    etcd.timeline_.after(way(), [is_cut, answer, what = std::move(what)] {
      if (!is_cut()) answer(what);
    });
  });
}

// In order; each some milliseconds after it was written.
void EtcdLine::go_on() {
  if (!hear_) return;
  etcd_.timeline_.after(2ms, [this, alive = alive_] {
    if (!*alive || !is_open() || heard_ == etcd_.news_.size()) return;
    const std::vector<News> news(etcd_.news_.begin() + std::ptrdiff_t(heard_), etcd_.news_.end());
    heard_ = etcd_.news_.size();
    ends_.arrives([this, alive, news] {
      if (*alive) hear_(news);
    });
  });
}

void EtcdLine::watch(std::int64_t as_of, std::function<void(std::span<const News>)> news,
                     std::function<void()>) {
  hear_ = std::move(news);
  heard_ = std::size_t(
      std::ranges::find_if(etcd_.news_, [&](const News& one) { return one.as_of > as_of; }) -
      etcd_.news_.begin());
  go_on();
}

void EtcdLine::list(Done<All> done) {
  ask<All>(kDeadline, std::move(done), [](MadeUpEtcd& etcd) -> Expected<All> {
    All all{.owners = {}, .url_of_controller = {}, .as_of = etcd.revision_};
    for (const auto& [cluster, owner] : etcd.owners_) all.owners[cluster] = owner.row;
    for (const auto& [name, row] : etcd.controllers_) all.url_of_controller[name] = row.url;
    return all;
  });
}

void EtcdLine::grant(Duration ttl, Done<Lease> done) {
  ask<Lease>(ttl, std::move(done), [ttl](MadeUpEtcd& etcd) -> Expected<Lease> {
    etcd.keep(++etcd.last_lease_, ttl);
    return Lease{.id = etcd.last_lease_, .ttl = ttl};
  });
}

void EtcdLine::keep(std::int64_t lease, Duration within, Done<Duration> done) {
  ask<Duration>(within, std::move(done), [lease](MadeUpEtcd& etcd) -> Expected<Duration> {
    const auto known = etcd.leases_.find(lease);
    if (known == etcd.leases_.end()) return std::unexpected(over());
    const Duration ttl = known->second.ttl;
    etcd.keep(lease, ttl);
    return ttl;
  });
}

void EtcdLine::revoke(std::int64_t lease, Duration within, Done<void> done) {
  ask<void>(within, std::move(done), [lease](MadeUpEtcd& etcd) -> Expected<void> {
    etcd.revoke(lease);
    return {};
  });
}

void EtcdLine::sign_in(std::int64_t lease, const std::string& url, Done<void> done) {
  ask<void>(kDeadline, std::move(done),
            [lease, url, name = ends_.name](MadeUpEtcd& etcd) -> Expected<void> {
              if (!etcd.leases_.contains(lease)) return std::unexpected(over());
              ++etcd.revision_;
              etcd.controllers_[name] = {.url = url, .lease = lease};
              etcd.tell({.cluster = {}, .controller = name, .url = url});
              return {};
            });
}

void EtcdLine::read_tenure(const std::string& cluster, Done<Tenure> done) {
  ask<Tenure>(kDeadline, std::move(done),
              [cluster](MadeUpEtcd& etcd) -> Expected<Tenure> { return etcd.tenures_[cluster]; });
}

void EtcdLine::take(const Taking& taking, Done<Taken> done) {
  ask<Taken>(kDeadline, std::move(done), [taking](MadeUpEtcd& etcd) -> Expected<Taken> {
    if (!etcd.leases_.contains(taking.lease)) return std::unexpected(over());
    auto& tenure = etcd.tenures_[taking.cluster];
    const auto known = etcd.owners_.find(taking.cluster);
    if (known != etcd.owners_.end())
      return Taken{.owner = known->second.row, .lease = known->second.lease, .tenure = tenure.row};
    if (tenure.read_at != taking.read_at) return Taken{};
    const std::int64_t revision = ++etcd.revision_;
    tenure = {.row = taking.tenure, .read_at = revision};
    OwnerRow row = taking.owner;
    row.fence = revision;
    etcd.owners_[taking.cluster] = {.row = row, .lease = taking.lease};
    etcd.tell({.cluster = taking.cluster, .controller = {}, .owner = row});
    return Taken{.has_succeeded = true, .fence = revision};
  });
}

void EtcdLine::give_up(const std::string& cluster, std::int64_t fence, Done<void> done) {
  ask<void>(kDeadline, std::move(done), [cluster, fence](MadeUpEtcd& etcd) -> Expected<void> {
    const auto known = etcd.owners_.find(cluster);
    if (known == etcd.owners_.end() || known->second.row.fence != fence) return {};
    etcd.owners_.erase(known);
    ++etcd.revision_;
    etcd.tell({.cluster = cluster, .controller = {}});
    return {};
  });
}

Expected<Saved> EtcdRecord::load() {
  if (!line_.is_open()) return std::unexpected(away());
  return rows_.load();
}

Expected<void> EtcdRecord::record(Batch& batch) {
  if (batch.empty()) return {};
  const auto fences = fences_of(batch, of_);
  if (!fences) return std::unexpected(fences.error());
  if (!line_.is_open()) return std::unexpected(too_late());
  if (auto holds = compare(etcd_, *fences); !holds) return holds;
  return rows_.record(batch);
}

Expected<void> EtcdRecord::compare(const MadeUpEtcd& etcd, const std::vector<Fence>& fences) {
  for (const Fence& fence : fences) {
    const MadeUpEtcd::Owner* const owner = etcd.owner(fence.cluster);
    if (!owner || owner->row.fence != fence.number)
      return problem(Problem::Kind::conflict,
                     fmt::format("etcd: cluster {} is {}: nothing was recorded", fence.cluster,
                                 owner ? "another controller's now" : "not ours any more"));
  }
  return {};
}

void EtcdRecord::record_late(const Batch& batch, Duration wait,
                             std::function<void(const Batch&)> recorded) {
  const auto fences = fences_of(batch, of_);
  if (!fences || batch.activities.empty()) return;
  const std::string& cluster = batch.activities.front().cluster;
  const auto mine = of_(cluster);
  etcd_.timeline_.after(wait, [&etcd = etcd_, &rows = rows_, batch, cluster, mine, fences = *fences,
                               recorded = std::move(recorded)] {
    const MadeUpEtcd::Owner* const owner = etcd.owner(cluster);
    if (etcd.is_away_ || !owner || owner->row.fence == mine) return;
    Batch late = batch;
    if (compare(etcd, fences) && rows.record(late)) recorded(late);
  });
}

Expected<void> EtcdRecord::set(std::string_view name, std::string_view text) {
  if (!line_.is_open()) return std::unexpected(away());
  return rows_.set(name, text);
}

Expected<std::vector<Activity>> EtcdRecord::activities(const ActivityQuery& query) {
  if (!line_.is_open()) return std::unexpected(away());
  return rows_.activities(query);
}

}  // namespace utakata
