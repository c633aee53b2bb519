#include "fleet/plan/observe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace utakata {
namespace {

class Observer {
 public:
  Observer(Fleet& fleet, Backoff& backoff, Ladder& ladder, const Observation& seen, Flow& flow)
      : fleet_(fleet), backoff_(backoff), ladder_(ladder), seen_(seen), flow_(flow) {}

  std::vector<Outcome> run() {
    check(seen_.sights.empty() || seen_.sights.size() == fleet_.instances.size(),
          "sights are parallel to the instances");
    check(seen_.seats.empty() || seen_.seats.size() == fleet_.instances.size(),
          "seats are parallel to the instances");
    for (std::size_t i = 0; i < seen_.seats.size(); ++i)
      take_seats(fleet_.instances[i], seen_.seats[i]);
    for (std::size_t i = 0; i < seen_.sights.size(); ++i)
      take_sight(fleet_.instances[i], seen_.sights[i]);
    for (const Verdict& verdict : seen_.verdicts) take_verdict(verdict);
    for (const ProviderNews& news : seen_.news) take_news(news);
    std::erase_if(fleet_.instances,
                  [](const Instance& i) { return i.lifecycle == Lifecycle::gone; });
    return std::move(outcomes_);
  }

 private:
  static void take_seats(Instance& i, const SeatSight& seats) {
    i.seats_held = seats.seats_held;
    i.keys = seats.keys;
    i.out_of_placement = seats.out_of_placement;
  }

  void take_sight(Instance& i, const Sight& sight) {
    if (!sight.asked || i.lifecycle == Lifecycle::gone) return;
    if (i.lifecycle == Lifecycle::starting) {
      i.misses = sight.ready ? 0 : i.misses + 1;
      if (sight.ready) become_ready(i, sight);
      return;
    }
    if (sight.answered) {
      i.misses = 0;
      i.last_answer = seen_.at;
      if (!i.served_since) i.served_since = seen_.at;
    } else if (seen_.late) {
      // We slept: silence cannot be told from our own absence, so it starts anew.
      i.misses = 0;
      i.last_answer = seen_.at;
    } else {
      ++i.misses;
    }
    if (i.suspect || i.misses >= fleet_.spec.heal.misses - 1) i.suspected_at = seen_.at;
    take_numbers(i, sight);
    if (i.lifecycle == Lifecycle::serving && i.served_since &&
        seen_.at - *i.served_since >= Backoff::stable && backoff_.failing(i.version))
      backoff_.proved(i.version, i.launched_at);
  }

  void take_flow(const Instance& i, const Sight& sight) {
    if (!i.count) return;
    const int more = sight.count->connections - i.count->connections;
    double departed = std::max(0, -more);
    if (i.accepted && sight.accepted)
      departed = std::max<double>(0, double(*sight.accepted - *i.accepted) - more);
    else if (i.lifecycle != Lifecycle::draining)
      return;  // who came hides who left
    flow_.departed += departed;
    flow_.connection_seconds +=
        i.count->connections * std::max(0.0, to_seconds(sight.count->at - i.count->at));
    if (i.closes_begun) flow_.closed += departed;
  }

  void take_numbers(Instance& i, const Sight& sight) {
    if (!sight.count) return;  // an unknown count is not zero: the last one stays, with its age
    take_flow(i, sight);
    i.count = sight.count;
    i.accepted = sight.accepted;
    i.metrics = sight.metrics;
    // Only counts taken after the last hold ended, and after placement let go, prove that nobody is
    // on the way.
    const bool nobody_on_the_way = i.out_of_placement && i.seats_held == 0;
    i.zeros = nobody_on_the_way && sight.count->connections == 0 ? i.zeros + 1 : 0;
  }

  // Its probe says so; where the cluster has a `verify`, that has the last word.
  void become_ready(Instance& i, const Sight& sight) {
    if (fleet_.spec.verify.command.text.empty() || i.verification == Verification::passed)
      return become_serving(i, sight);
    if (i.verification == Verification::not_ready) i.verification = Verification::due;
  }

  // One that is not due is of a former question: nothing hangs on it any more. Who has fallen ill
  // meanwhile must get well first.
  void take_verdict(const Verdict& verdict) {
    const auto found = std::ranges::find(fleet_.instances, verdict.id, &Instance::id);
    if (found == fleet_.instances.end() || found->lifecycle != Lifecycle::starting ||
        found->verification != Verification::due)
      return;
    found->verification = verdict.problem.empty() ? Verification::passed : Verification::failed;
    found->verify_problem = verdict.problem;
    if (verdict.problem.empty() && found->misses == 0) become_serving(*found, {});
  }

  void become_serving(Instance& i, const Sight& sight) {
    i.lifecycle = Lifecycle::serving;
    i.since = i.last_answer = seen_.at;
    i.served_since = seen_.at;
    i.misses = 0;
    take_numbers(i, sight);
    add(i, "ready", fmt::format("ready {} after its launch", to_text(seen_.at - i.launched_at)));
  }

  void take_news(const ProviderNews& news) {
    // Who launches nothing knows its instances by what they are called out there.
    const auto found = news.id.text.empty()
                           ? std::ranges::find(fleet_.instances, news.handle, &Instance::handle)
                           : std::ranges::find(fleet_.instances, news.id, &Instance::id);
    if (news.kind == ProviderNews::Kind::found && found == fleet_.instances.end())
      return become_known(news);
    if (found == fleet_.instances.end() || found->lifecycle == Lifecycle::gone) {
      if (news.kind == ProviderNews::Kind::launched) add_twin({.id = news.id}, news);
      return;
    }
    Instance& i = *found;
    const bool is_of_another = !news.handle.empty() && !i.handle.empty() && news.handle != i.handle;
    switch (news.kind) {
      case ProviderNews::Kind::found:
        return;
      case ProviderNews::Kind::launched:
        if (is_of_another) return add_twin(i, news);
        if (!i.handle.empty()) return;  // said twice
        i.handle = news.handle;
        i.address = news.address;
        take_place(i, news);
        add(i, "launched",
            fmt::format("{} at {}:{}", news.handle, news.address.host, news.address.port));
        return;
      case ProviderNews::Kind::launch_failed:
        take_failure(i, news.what);
        become_gone(i, "launch_failed", news.what);
        return;
      case ProviderNews::Kind::gone:
        if (is_of_another) return;
        take_place(i, news);
        // What others launch is no proof against a version of ours.
        if (!news.id.text.empty() && i.lifecycle != Lifecycle::stopping) take_death(i, news.what);
        become_gone(i, "gone", news.what);
        return;
    }
  }

  static void take_place(Instance& i, const ProviderNews& news) {
    if (news.host.empty() && news.zone.empty()) return;  // not told: as it was asked for
    i.host = news.host;
    i.zone = news.zone;
  }

  // Who dies with its host was not ended by its version, nor does that host harm the next one.
  void take_death(const Instance& i, const std::string& why) {
    if (ladder_.is_lost_with_host(i)) return;
    if (!i.handle.empty()) ladder_.died(i, why, seen_.at);  // else it never was there
    if (died_young(i)) backoff_.failed(i.version, why, seen_.at);
  }

  // As long as another host is to be tried it is not held against the version.
  void take_failure(const Instance& i, const std::string& why) {
    if (ladder_.is_lost_with_host(i)) return;
    if (!ladder_.launch_failed(i, why, seen_.at)) backoff_.failed(i.version, why, seen_.at);
  }

  void become_known(const ProviderNews& news) {
    Instance i;
    i.id = {fmt::format("{}-{}", fleet_.spec.name, fleet_.next_number++)};
    i.version = fleet_.spec.version;
    i.handle = news.handle;
    i.address = news.address;
    take_place(i, news);
    i.since = i.launched_at = i.last_answer = seen_.at;
    fleet_.instances.push_back(i);
    add(i, "found", fmt::format("{} at {}:{}", i.handle, i.address.host, i.address.port));
  }

  bool died_young(const Instance& i) const {
    return i.lifecycle == Lifecycle::starting ||
           (i.lifecycle == Lifecycle::serving && i.served_since &&
            seen_.at - *i.served_since < Backoff::stable);
  }

  void become_gone(Instance& i, const char* kind, const std::string& what) {
    const int clients = i.count ? i.count->connections : 0;
    i.lifecycle = Lifecycle::gone;
    i.since = seen_.at;
    add(i, kind, what);
    if (clients > 0) outcomes_.back().cut = clients;
  }

  // A provider has launched two for one id, or one that was given up.
  void add_twin(const Instance& i, const ProviderNews& news) {
    add(i, "twin",
        fmt::format("{} was launched under its id, too, and ends unrun; {}", news.handle,
                    i.handle.empty() ? "the instance is gone" : i.handle + " stays"));
  }

  void add(const Instance& i, std::string kind, std::string because) {
    outcomes_.push_back(
        {.instance = i, .kind = std::move(kind), .because = std::move(because), .cut = {}});
  }

  Fleet& fleet_;
  Backoff& backoff_;
  Ladder& ladder_;
  const Observation& seen_;
  Flow& flow_;
  std::vector<Outcome> outcomes_;
};

}  // namespace

std::vector<Outcome> observe(Fleet& fleet, Backoff& backoff, Ladder& ladder,
                             const Observation& seen, Flow& flow) {
  return Observer(fleet, backoff, ladder, seen, flow).run();
}

}  // namespace utakata
