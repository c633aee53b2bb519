// One child process that dies with us, and its end of a link. Private to workers.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "net/descriptor.h"

namespace utakata::realtime {

constexpr int link_in_child = 3;

struct WorkerProcess {
  int pid = 0;
  net::Descriptor pidfd{};  // readable when it is dead
};

// The child has stdin, stdout, stderr and link_in_child, our environment, default signals, a group
// of its own, and is killed when the thread that calls this ends. Blocks for the fork. Problem:
// `unavailable` with retry.
Expected<WorkerProcess> start_process(const std::vector<std::string>& argv,
                                      const net::Descriptor& link);
void send_signal(const WorkerProcess& process, int number);
// How it ended; its pid is free then. Waits for it.
std::string reap(const WorkerProcess& process);

}  // namespace utakata::realtime
