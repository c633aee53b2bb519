// Limits as walls: how many users each of them allows at once. Private to this folder. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "load/preflight/preflight.h"

namespace utakata::load {

// What is asked for, in whole numbers: sockets and bytes of one user are thousandths, rounded up.
struct Demand {
  std::int64_t certain = 0;   // users at once
  std::int64_t possible = 0;  // with all arrivals; the same: their stay is known, or none arrive
  std::int64_t sockets = 1000, sockets_here = 1000;  // of a user; here: on loopback both ends
  std::int64_t bytes = 0;                            // of a user, the kernel's included
  std::int64_t per_worker = 0;  // users that its descriptors suffice for; at least 0
};
Demand demand_of(const PreflightAsk& ask, const HostFacts& host);

struct Wall {
  Limit limit = Limit::descriptors;
  std::int64_t users = 0;  // at once
  std::string what;        // "28,232 local ports of 1 source address", as subject of a sentence
  std::function<std::string(std::int64_t users)> remedy;  // so that there is room for so many
  Duration linger{};    // for which one that is gone still takes its place
  bool is_sure = true;  // no: it may not be in force
};

// Room for users that is shared with their workers.
struct SharedRoom {
  std::int64_t room = 0, each_worker = 0;
  std::int64_t each_user = 0;  // thousandths

  // At most, in as few workers as that takes; or in just so many of them.
  std::int64_t users(std::int64_t per_worker, std::optional<std::int64_t> workers) const;
  std::int64_t workers_beside(std::int64_t users) const;
  std::int64_t needed(std::int64_t users, std::int64_t workers) const;
};
struct SharedWall {
  SharedRoom room;
  Wall wall;
};

// Of which all workers and users take their part: open files, memory, processes and threads.
std::vector<SharedWall> shared_walls(const PreflightAsk& ask, const Demand& demand,
                                     const HostFacts& host);
// Of which only connections do: ports, connections tracked, buffers.
std::vector<Wall> network_walls(const PreflightAsk& ask, const Demand& demand,
                                const HostFacts& host);
// Of one process.
Wall process_wall(const Demand& demand, const HostFacts& host, std::int64_t users,
                  std::int64_t workers);

}  // namespace utakata::load
