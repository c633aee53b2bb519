// For tests: one cluster, second by second, against a small made-up world: it boots what is
// launched, answers probes, and does what the test tells it to.
#pragma once

#include "fleet/plan/planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "fleet/plan/apply.h"

namespace utakata {

inline ClusterSpec game(int min, int max) {
  ClusterSpec spec;
  spec.name = "game";
  spec.version = "v1";
  spec.instances_min = min;
  spec.instances_max = max;
  spec.capacity = 50;
  spec.settle = 10s;
  spec.heal.clients_wait = 45s;
  return spec;
}

class World {
 public:
  explicit World(const ClusterSpec& spec)
      : planner(Fleet{.spec = spec, .instances = {}, .desired = {}, .next_number = 1}, now) {}

  // One second passes, then one tick.
  void tick(bool late = false) {
    now += 1s;
    Observation seen{
        .at = now, .wall = {}, .late = late, .sights = {}, .seats = {}, .news = {}, .waiting = 0};
    for (const Instance& i : planner.fleet().instances) {
      Sight s{.asked = i.address.port != 0 && i.lifecycle != Lifecycle::stopping,
              .answered = false,
              .ready = false,
              .count = {},
              .accepted = {},
              .metrics = {},
              .problem = {}};
      if (!frozen.contains(i.id.text) && !frozen_all && !late) {
        s.answered = true;
        s.ready = boots;
        s.count = Count{clients[i.id.text], now};
        s.metrics = {double(clients[i.id.text])};
      }
      seen.sights.push_back(s);
      seen.seats.push_back({.seats_held = held[i.id.text],
                            .keys = keys[i.id.text],
                            .out_of_placement = i.lifecycle == Lifecycle::draining || i.suspect});
    }
    pass(std::move(seen));
  }
  void ticks(int n) {
    for (int k = 0; k < n; ++k) tick();
  }
  // News between two ticks, as a provider tells it.
  void hears(ProviderNews news) {
    pass({.at = now,
          .wall = {},
          .late = false,
          .sights = {},
          .seats = {},
          .news = {std::move(news)},
          .waiting = 0});
  }
  // What came of a `verify`; no problem: it has passed.
  void judges(const std::string& id, const std::string& problem) {
    pass({.at = now,
          .wall = {},
          .late = false,
          .sights = {},
          .seats = {},
          .news = {},
          .waiting = 0,
          .verdicts = {Verdict{.id = {id}, .problem = problem}}});
  }
  void dies(const std::string& id, const std::string& what = "killed by signal 9") {
    hears({ProviderNews::Kind::gone, {id}, {}, {}, what, false});
  }

  // With all that runs there, as its provider tells.
  void loses(std::initializer_list<std::string> names) {
    Observation seen{
        .at = now, .wall = {}, .late = false, .sights = {}, .seats = {}, .news = {}, .waiting = 0};
    for (Host& host : hosts)
      if (std::ranges::find(names, host.name) != names.end()) host.is_up = false;
    for (const Instance& i : planner.fleet().instances)
      if (std::ranges::find(names, i.host) != names.end())
        seen.news.push_back({ProviderNews::Kind::gone, i.id, {}, {}, "its host is lost", false});
    pass(std::move(seen));
  }
  std::string host_of(const std::string& id) const { return find(id) ? find(id)->host : "gone"; }
  // Of those that start or serve, in the order of `hosts`: "2 1 0".
  std::string spread() const {
    std::string text;
    for (const Host& host : hosts) {
      const auto there = std::ranges::count_if(planner.fleet().instances, [&](const Instance& i) {
        return i.host == host.name && i.zone == host.zone && i.lifecycle <= Lifecycle::serving;
      });
      text += (text.empty() ? "" : " ") + std::to_string(there);
    }
    return text;
  }

  const Instance* find(const std::string& id) const {
    for (const Instance& i : planner.fleet().instances)
      if (i.id.text == id) return &i;
    return nullptr;
  }
  int count(Lifecycle lifecycle) const {
    return int(std::ranges::count(planner.fleet().instances, lifecycle, &Instance::lifecycle));
  }
  int total() const { return int(planner.fleet().instances.size()); }
  std::vector<std::string> did(const std::string& kind) const {
    std::vector<std::string> ids;
    for (const auto& [k, id] : log)
      if (k == kind) ids.push_back(id);
    return ids;
  }

  Instant now{Duration{3600s}};
  std::map<std::string, int> clients, held, keys;
  std::set<std::string> frozen;
  bool frozen_all = false, boots = true, recordable = true;
  std::string crashing_version, crashing_host;
  std::set<std::string> full;  // hosts on which launches fail
  std::vector<Host> hosts;
  std::vector<std::string> said;                         // outcomes of no instance
  std::vector<std::pair<std::string, std::string>> log;  // kind, instance
  Plan last;
  Planner planner;

 private:
  void pass(Observation seen) {
    seen.hosts = hosts;
    auto outcomes = planner.observe(seen);
    for (const Outcome& o : outcomes) {
      log.emplace_back(o.kind, o.instance.id.text);
      if (o.instance.id.text.empty()) said.push_back(o.kind + ": " + o.because);
    }
    last = planner.plan({});
    std::vector<ProviderNews> news;
    if (recordable) {
      for (const Action& action : last.actions) {
        planner.commit(action);
        const std::string id = id_of(action).text;
        log.emplace_back(kind_of(action), id);
        if (std::holds_alternative<LaunchAction>(action) && full.contains(find(id)->host)) {
          news.push_back({ProviderNews::Kind::launch_failed, {id}, {}, {}, "no room", true});
        } else if (std::holds_alternative<LaunchAction>(action)) {
          news.push_back(
              {ProviderNews::Kind::launched, {id}, "pid 1", {"127.0.0.1", 20000}, {}, false});
          if (find(id)->version == crashing_version ||
              (!crashing_host.empty() && host_of(id) == crashing_host))
            news.push_back({ProviderNews::Kind::gone, {id}, {}, {}, "exit code 1", false});
        }
        if (std::holds_alternative<StopAction>(action))
          news.push_back({ProviderNews::Kind::gone, {id}, {}, {}, "killed by signal 15", false});
      }
    }
    if (news.empty()) return;
    const std::size_t bound = log.size();
    ASSERT_LT(bound, 10'000u) << "a hot loop";
    pass({.at = now,
          .wall = {},
          .late = false,
          .sights = {},
          .seats = {},
          .news = std::move(news),
          .waiting = 0});
  }
};

inline ClusterSpec with_headroom(ClusterSpec spec, double seats) {
  spec.scale.push_back(
      {.name = "headroom", .kind = HeadroomRule{{.value = seats, .is_percent = false}}});
  return spec;
}

}  // namespace utakata
