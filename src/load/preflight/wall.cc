#include "load/preflight/wall.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "load/plan/plan_words.h"

namespace utakata::load {
namespace {

using Wide = __int128;

constexpr std::int64_t users_most = 1'000'000'000;  // more is as much as this
constexpr std::int64_t workers_most = 100'000;

// A Node process that holds sockets: some 25 descriptors of its own, and what scenarios open.
constexpr std::int64_t worker_descriptors = 200;
constexpr std::int64_t worker_bytes = 40'000'000;  // at rest
constexpr std::int64_t worker_tasks = 12;          // its threads: 11 of them, and one to spare
// Of the kernel's memory: 608,000 sockets took 3 GB.
constexpr std::int64_t socket_bytes = 5000;
// Of what is available: else the last user takes the last page.
constexpr std::int64_t memory_percent = 90;
// TCP_TIMEWAIT_LEN; where ports are used again, timestamps forbid it for a second.
constexpr Duration port_linger = 60s, port_linger_reused = 1s;

std::int64_t bounded(Wide number) {
  return std::int64_t(std::clamp(number, Wide{0}, Wide{users_most}));
}
Wide divided_up(Wide number, Wide by) { return (number + by - 1) / by; }
std::int64_t thousandths(Wide users, std::int64_t each) {
  return std::int64_t(divided_up(users * each, 1000));
}

std::string gigabytes(std::int64_t bytes) { return fmt::format("{:.1f} GB", double(bytes) / 1e9); }

std::string raised_limit(std::int64_t descriptors, const HostFacts& host) {
  const bool is_beyond = host.descriptors_max && descriptors > *host.descriptors_max;
  return fmt::format(
      "raise that limit (`ulimit -n {}`, as root{})", descriptors,
      is_beyond ? fmt::format(" and after `sysctl -w fs.nr_open={}`", descriptors) : "");
}

SharedWall files_wall(const Demand& demand, const HostFacts& host) {
  const std::int64_t left = std::max(std::int64_t{0}, *host.files_max - host.files_open);
  const SharedRoom room{left, worker_descriptors, demand.sockets_here};
  return {room,
          {.limit = Limit::descriptors,
           .what = fmt::format("the {} files that this host may still open", grouped(left)),
           .remedy = [=, open = host.files_open](std::int64_t users) {
             const std::int64_t workers =
                 std::int64_t(divided_up(users, std::max(std::int64_t{1}, demand.per_worker)));
             return fmt::format("set `sysctl -w fs.file-max={}`",
                                open + room.needed(users, workers));
           }}};
}

SharedWall memory_wall(const Demand& demand, const HostFacts& host) {
  const std::int64_t left = *host.memory_bytes / 100 * memory_percent;
  const SharedRoom room{left, worker_bytes, demand.bytes};
  return {room,
          {.limit = Limit::memory,
           .what = fmt::format("the {} of memory that {}", gigabytes(*host.memory_bytes),
                               host.is_memory_of_cgroup ? "its cgroup leaves" : "is available"),
           .remedy = [=, of_cgroup = host.is_memory_of_cgroup](std::int64_t users) {
             const std::int64_t workers =
                 std::int64_t(divided_up(users, std::max(std::int64_t{1}, demand.per_worker)));
             const auto more = room.needed(users, workers) - room.room;
             return fmt::format(
                 "{} {} more, or share the users among agents (`--cluster`)",
                 of_cgroup ? "let the cgroup (`memory.max`) have" : "take a host with",
                 gigabytes(more * 100 / memory_percent));
           }}};
}

std::string tasks_remedy(TaskBound bound, std::int64_t more) {
  switch (bound) {
    case TaskBound::kernel:
      return fmt::format(
          "let there be {} more (`sysctl -w kernel.pid_max` and `kernel.threads-max`)",
          grouped(more));
    case TaskBound::user:
      return fmt::format("let this user have {} more (`ulimit -u`)", grouped(more));
    case TaskBound::cgroup:
      return fmt::format("let the cgroup have {} more (`pids.max`)", grouped(more));
  }
  return {};
}

SharedWall tasks_wall(const Demand& demand, const HostFacts& host) {
  const SharedRoom room{*host.tasks, worker_tasks, 0};
  return {room,
          {.limit = Limit::processes,
           .what = fmt::format("the {} processes and threads that may still be started",
                               grouped(*host.tasks)),
           .remedy = [=, bound = host.tasks_bound](std::int64_t users) {
             const std::int64_t workers =
                 std::int64_t(divided_up(users, std::max(std::int64_t{1}, demand.per_worker)));
             return tasks_remedy(bound, room.needed(users, workers) - room.room);
           }}};
}

Wall ports_wall(const PreflightAsk& ask, const Demand& demand, const HostFacts& host) {
  const Wide of_source = Wide{*host.ports} * ask.targets;
  const bool are_reused = host.reuses_ports == 1 || (host.reuses_ports == 2 && ask.is_loopback);
  return {.limit = Limit::ports,
          .users = bounded(of_source * ask.sources * 1000 / demand.sockets),
          .what = fmt::format("the {} local ports of {}", grouped(*host.ports),
                              ask.sources == 1
                                  ? "1 source address"
                                  : "each of " + grouped(ask.sources) + " source addresses"),
          .remedy =
              [=, ports = *host.ports, is_loopback = ask.is_loopback](std::int64_t users) {
                const auto sources =
                    divided_up(thousandths(users, demand.sockets), std::max(Wide{1}, of_source));
                return fmt::format("dial from {} addresses (`--source{}`){}", std::int64_t(sources),
                                   is_loopback ? " 127.0.0.0/8" : "",
                                   ports < 64'000 ? ", or have more ports of each (`sysctl -w "
                                                    "net.ipv4.ip_local_port_range='1024 65535'`)"
                                                  : "");
              },
          .linger = are_reused ? port_linger_reused : port_linger};
}

// One entry for both directions, on loopback as well.
Wall tracking_wall(const Demand& demand, const HostFacts& host) {
  const std::int64_t left = std::max(std::int64_t{0}, *host.tracked_max - host.tracked);
  return {.limit = Limit::conntrack,
          .users = bounded(Wide{left} * 1000 / demand.sockets),
          .what = fmt::format("the {} connections that nf_conntrack {}", grouped(left),
                              host.tracked > 0
                                  ? "may still track"
                                  : "tracks at most (it tracks none now, which a rule of NAT or a "
                                    "firewall would change)"),
          .remedy =
              [=, tracked = host.tracked](std::int64_t users) {
                return fmt::format("set `sysctl -w net.netfilter.nf_conntrack_max={}`",
                                   tracked + thousandths(users, demand.sockets));
              },
          .linger = host.tracked_after,
          .is_sure = host.tracked > 0};
}

Wall buffers_wall(const Demand& demand, const HostFacts& host) {
  return {.limit = Limit::memory,
          .users = bounded(Wide{*host.tcp_pages} * 1000 / demand.sockets),
          .what = fmt::format("the {} pages of all sockets' buffers (net.ipv4.tcp_mem) while data "
                              "waits in each",
                              grouped(*host.tcp_pages)),
          .remedy =
              [=](std::int64_t users) {
                const std::int64_t pages = thousandths(users, demand.sockets);
                return fmt::format("set `sysctl -w net.ipv4.tcp_mem='{} {} {}'`", pages / 2,
                                   pages / 4 * 3, pages);
              },
          .is_sure = false};
}

// Theirs is most likely as ours. How many of them there are is not known.
Wall servers_wall(const Demand& demand, const HostFacts& host) {
  const std::int64_t each = std::max(std::int64_t{0}, *host.descriptors - worker_descriptors);
  return {.limit = Limit::descriptors,
          .users = bounded(Wide{each} * 1000 / demand.sockets),
          .what = fmt::format("the {} descriptors of one server process on this host",
                              grouped(*host.descriptors)),
          .remedy =
              [=](std::int64_t users) {
                const std::int64_t sockets = thousandths(users, demand.sockets);
                return fmt::format("let there be {} of them, or {} where it is started",
                                   std::int64_t(divided_up(sockets, std::max(Wide{1}, Wide{each}))),
                                   raised_limit(sockets + worker_descriptors, host));
              },
          .is_sure = false};
}

}  // namespace

std::int64_t SharedRoom::users(std::int64_t per_worker, std::optional<std::int64_t> workers) const {
  const std::int64_t each = std::max(std::int64_t{1}, per_worker);
  const Wide all = Wide{room} * 1000, worker = Wide{each_worker} * 1000;
  if (workers && each_user > 0) return bounded((all - worker * *workers) / each_user);
  const Wide full = worker + Wide{each} * each_user;
  const Wide left = all % full - worker;  // in one that is not full
  return bounded(all / full * each + (left > 0 && each_user > 0 ? left / each_user : 0));
}

std::int64_t SharedRoom::workers_beside(std::int64_t users) const {
  return bounded((Wide{room} * 1000 - Wide{users} * each_user) / (Wide{each_worker} * 1000));
}

std::int64_t SharedRoom::needed(std::int64_t users, std::int64_t workers) const {
  return thousandths(users, each_user) + workers * each_worker;
}

Demand demand_of(const PreflightAsk& ask, const HostFacts& host) {
  check(ask.sockets_per_user >= 0.001 && ask.sockets_per_user <= 1000,
        "users have a socket, and not thousands");
  check(ask.sources > 0 && ask.targets > 0 && ask.user_bytes >= 0, "it is asked about something");
  check(ask.workers.value_or(1) > 0 && ask.workers.value_or(1) <= workers_most,
        "there is a worker, and not a million");
  Demand demand;
  const LoadPeak& peak = ask.peak;
  const double staying =
      ask.stay ? std::ceil(peak.arrivals_per_second * to_seconds(*ask.stay)) : 0.0;
  const Wide there = Wide(std::min(staying, double(peak.arrivals)));
  demand.certain = bounded(Wide{peak.users} + there);
  demand.possible = ask.stay ? demand.certain : bounded(Wide{peak.users} + peak.arrivals);
  demand.sockets = std::int64_t(std::ceil(ask.sockets_per_user * 1000));
  demand.sockets_here = demand.sockets * (ask.is_loopback ? 2 : 1);
  demand.bytes = ask.user_bytes * 1000 + demand.sockets_here * socket_bytes;
  demand.per_worker =
      !host.descriptors
          ? users_most
          : bounded(Wide{*host.descriptors - worker_descriptors} * 1000 / demand.sockets);
  return demand;
}

std::vector<SharedWall> shared_walls(const PreflightAsk& ask, const Demand& demand,
                                     const HostFacts& host) {
  std::vector<SharedWall> walls;
  if (host.files_max) walls.push_back(files_wall(demand, host));
  if (host.memory_bytes) walls.push_back(memory_wall(demand, host));
  if (host.tasks) walls.push_back(tasks_wall(demand, host));
  for (auto& [room, wall] : walls) wall.users = room.users(demand.per_worker, ask.workers);
  return walls;
}

std::vector<Wall> network_walls(const PreflightAsk& ask, const Demand& demand,
                                const HostFacts& host) {
  std::vector<Wall> walls;
  if (host.ports) walls.push_back(ports_wall(ask, demand, host));
  if (host.tracked_max) walls.push_back(tracking_wall(demand, host));
  if (host.tcp_pages) walls.push_back(buffers_wall(demand, host));
  if (host.descriptors && ask.is_loopback) walls.push_back(servers_wall(demand, host));
  return walls;
}

Wall process_wall(const Demand& demand, const HostFacts& host, std::int64_t users,
                  std::int64_t workers) {
  return {
      .limit = Limit::descriptors,
      .users = users,
      .what = fmt::format("the {} descriptors of {}", grouped(host.descriptors.value_or(0)),
                          workers == 1 ? "one worker" : "each of " + grouped(workers) + " workers"),
      .remedy = [=](std::int64_t wanted) {
        const auto each = std::int64_t(divided_up(wanted, workers));
        const std::string raised =
            raised_limit(worker_descriptors + thousandths(each, demand.sockets), host);
        if (demand.per_worker == 0) return raised;
        return fmt::format("{}, or let there be {} workers (`--workers`)", raised,
                           std::int64_t(divided_up(wanted, demand.per_worker)));
      }};
}

}  // namespace utakata::load
