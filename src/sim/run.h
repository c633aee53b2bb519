// A day in the life of a stack, made up: the real control loop, planner and placement over a world
// of Hosts and People, on virtual time, under faults. The same seed gives the same day.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/admin.h"
#include "fleet/model/host.h"
#include "fleet/model/stack.h"
#include "sim/faults.h"
#include "sim/load.h"
#include "sim/result.h"

namespace utakata {

struct SimCall {  // of an operator; a drain without an instance: any that serves
  Duration at{};
  AdminCall call;
};

struct SimOptions {
  Stack stack;
  LoadCurve load;
  std::string cluster;  // whose people come; empty: of all that can grow
  Duration length{};    // zero: the load's
  std::uint64_t seed = 1;
  WallTime began{std::chrono::milliseconds{1'767'225'600'000}};  // 2026-01-01 00:00 UTC
  Duration session{30min};
  Duration boot{3s};
  Duration stop{100ms};    // from SIGTERM to the end
  Duration reconnect{1s};  // of who was cut, half of it to one and a half
  double friends = 0;      // share of people who ask for an earlier room, which may be full
  double nostalgics = 0;   // share of those cut who dial the old address first
  double unfit = 0;        // share of the instances whose `verify` fails
  double dawdlers = 0;     // share of people who dial when their seat is only just held
  // Of the stack, over one etcd; up to three. With one there is no etcd.
  int controllers = 1;
  Duration give_back_after{30s};  // to the controller that a cluster prefers
  std::vector<Host> hosts{};      // that instances run on; empty: one, without a name
  double faults_per_hour = 0;
  std::vector<Fault> faults;  // and these
  std::vector<SimCall> calls;
  // From time to time; false: enough, and what there is so far is the result.
  std::function<bool(Duration done)> on_progress = [](Duration) { return true; };
};

// `invalid`: nobody can come to such a cluster.
Expected<SimResult> simulate(const SimOptions& options);

// 14 Clocks: the day again without the steps of its wall clock; nothing but `at:` rules may notice.
// Nothing, or what did.
std::optional<std::string> clocks_broken(const SimOptions& options, const SimResult& day);

}  // namespace utakata
