#include "load/preflight/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "load/pacing/part.h"
#include "load/plan/plan_words.h"
#include "load/preflight/wall.h"

namespace utakata::load {
namespace {

// Of one core, measured: connections opened, in the kernel mostly. From a single address the search
// for a free port takes as long again.
constexpr double opened_a_second = 16'000, opened_from_one_source = 8'000;
// For users of whom it is not known that they will be there at once: sixteen were measured on two.
constexpr std::int64_t workers_per_core = 8;

struct Judge {
  const PreflightAsk& ask;
  const Demand& demand;
  std::vector<Finding> findings{};

  void add(const Wall& wall);
  std::string too_many(const Wall& wall, std::int64_t wanted) const;
};

// Of arrivals: how long they may stay.
std::string Judge::too_many(const Wall& wall, std::int64_t wanted) const {
  const std::string only = fmt::format("Only {} user{} at once fit into {}", grouped(wall.users),
                                       wall.users == 1 ? "" : "s", wall.what);
  if (wall.users < demand.certain)
    return fmt::format("{}, and {} are planned: {}.", only, grouped(demand.certain),
                       wall.remedy(wanted));
  const double rate = ask.peak.arrivals_per_second;
  const double longest = double(wall.users - ask.peak.users) / rate - to_seconds(wall.linger);
  const std::string stay = longest >= 0.001
                               ? fmt::format("nobody may stay longer than {}",
                                             words_of(from_seconds(std::min(longest, 1e9))))
                               : "even those who have left are too many";
  const std::string gone =
      wall.linger > 0s ? fmt::format(", because each still counts for {} after it is closed",
                                     words_of(wall.linger))
                       : "";
  return fmt::format("{}: at up to {:.4g} arrivals a second {}{}; for {} at once, {}.", only, rate,
                     stay, gone, grouped(wanted), wall.remedy(wanted));
}

void Judge::add(const Wall& wall) {
  const LoadPeak& peak = ask.peak;
  // How many there are or are still counted.
  const double held =
      peak.arrivals_per_second * to_seconds(ask.stay.value_or(Duration{}) + wall.linger);
  const auto counted = peak.users + std::int64_t(std::min(double(peak.arrivals), std::ceil(held)));
  const std::int64_t wanted = std::max(demand.possible, counted);
  if (wall.users >= wanted) return;
  const bool is_error = wall.users < demand.certain && wall.is_sure;
  findings.push_back({.severity = is_error ? Severity::error : Severity::warning,
                      .limit = wall.limit,
                      .users = wall.users,
                      .what = too_many(wall, wanted)});
}

// What does not hang on how many there are at once.
void add_pace(const PreflightAsk& ask, const HostFacts& host, std::vector<Finding>& findings) {
  const double each = ask.sources == 1 ? opened_from_one_source : opened_a_second;
  const double opened = host.cores * each, sockets = ask.sockets_per_user;
  if (ask.peak.begins_per_second * sockets > opened)
    findings.push_back(
        {.severity = Severity::warning,
         .limit = Limit::cores,
         .users = std::int64_t(opened / sockets),
         .is_a_second = true,
         .what =
             fmt::format("About {} connections a second can be opened by {:.3g} core{}{}, and {} "
                         "users begin in "
                         "one: {}begin more slowly, or share the users among agents (`--cluster`).",
                         grouped(std::llround(opened)), host.cores, host.cores == 1 ? "" : "s",
                         ask.sources == 1 ? " from 1 source address" : "",
                         grouped(std::llround(ask.peak.begins_per_second)),
                         ask.sources == 1 ? "dial from more (`--source`), " : "")});
  const double together = double(ask.peak.begins_together) * sockets;
  if (ask.is_loopback && host.backlog && together > double(*host.backlog))
    findings.push_back(
        {.severity = Severity::warning,
         .limit = Limit::backlog,
         .users = std::int64_t(double(*host.backlog) / sockets),
         .what = fmt::format(
             "{} connections at most wait to be accepted, and {} users begin at the same moment, "
             "of whom some will try again a second later: begin in a ramp, or set `sysctl -w "
             "net.core.somaxconn={}`.",
             grouped(*host.backlog), grouped(ask.peak.begins_together),
             std::int64_t(std::ceil(together)))});
}

std::int64_t divided_up(std::int64_t number, std::int64_t by) {
  return number / by + (number % by != 0 ? 1 : 0);
}

struct Workers {
  std::int64_t count = 1;
  std::int64_t unsure = 1;  // at most, for users who may not be there
};

Workers workers_for(const PreflightAsk& ask, const Demand& demand, const HostFacts& host,
                    const std::vector<SharedWall>& walls) {
  const auto cores = std::max(std::int64_t{1}, std::int64_t(host.cores));
  const std::int64_t each = std::max(std::int64_t{1}, demand.per_worker);
  const std::int64_t unsure = cores * workers_per_core;
  std::int64_t startable = ask.workers.value_or(std::numeric_limits<std::int64_t>::max());
  std::int64_t users = demand.possible;  // those who can be had
  for (const auto& [room, wall] : walls) {
    users = std::min(users, wall.users);
    if (wall.limit == Limit::processes) startable = std::min(startable, room.workers_beside(0));
  }
  if (ask.workers) return {std::max(std::int64_t{1}, startable), unsure};
  const std::int64_t certain = divided_up(demand.certain, each);
  const std::int64_t likely = std::min(divided_up(users, each), unsure);
  std::int64_t spread = std::min(cores, users);  // while it takes nothing from the users
  for (const auto& [room, wall] : walls) spread = std::min(spread, room.workers_beside(users));
  return {std::max({std::int64_t{1}, certain, likely, spread}), unsure};
}

}  // namespace

std::string_view name(Limit limit) {
  switch (limit) {
    case Limit::descriptors:
      return "descriptors";
    case Limit::ports:
      return "ports";
    case Limit::conntrack:
      return "conntrack";
    case Limit::memory:
      return "memory";
    case Limit::cores:
      return "cores";
    case Limit::processes:
      return "processes";
    case Limit::backlog:
      return "backlog";
  }
  return "";
}

bool Preflight::is_possible() const {
  return std::ranges::none_of(findings,
                              [](const Finding& one) { return one.severity == Severity::error; });
}

Preflight preflight(const PreflightAsk& ask, const HostFacts& host) {
  const Demand demand = demand_of(ask, host);
  const auto shared = shared_walls(ask, demand, host);
  const Workers workers = workers_for(ask, demand, host, shared);

  Judge judge{.ask = ask, .demand = demand};
  const std::int64_t at_most =
      ask.workers ? workers.count : std::max(workers.count, workers.unsure);
  // Who is certain has as many workers as that takes.
  const std::int64_t certain = ask.workers || demand.per_worker == 0 ? 0 : demand.certain;
  const std::int64_t allowed = (ask.workers ? workers.count : workers.unsure) * demand.per_worker;
  judge.add(process_wall(demand, host, std::max(certain, allowed), at_most));
  for (const auto& [room, wall] : shared) judge.add(wall);
  for (const Wall& wall : network_walls(ask, demand, host)) judge.add(wall);
  add_pace(ask, host, judge.findings);
  std::ranges::stable_sort(judge.findings, {}, [](const Finding& one) {
    return std::tuple(one.severity, one.is_a_second, one.users);
  });

  const std::int64_t held = std::min(demand.possible, workers.count * demand.per_worker);
  return {.workers = workers.count,
          .users_per_worker =
              Part{.worker = 0, .workers = workers.count}.share_of(std::max(demand.certain, held)),
          .findings = std::move(judge.findings)};
}

}  // namespace utakata::load
