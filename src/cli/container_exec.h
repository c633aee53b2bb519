// A command in a container, as `docker exec` runs it: by the Engine's own exec.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "fleet/model/stack.h"

namespace utakata {

// Runs it with the container's environment and folder, our input and output, and a terminal where
// both are one; answers its exit code. Blocks until it has ended. Problems: those of the Engine,
// and `not_found`: no such command there.
Expected<int> exec_in_container(const EngineAddress& engine, const std::string& container,
                                const std::vector<std::string>& command);

// The container of a Swarm's service that has one replica, where it runs beside the manager whose
// Engine this is. Blocks. Problems: those of the Engine, and `unavailable`: it runs on another
// host, which is named, or not now.
Expected<std::string> container_of_service(const EngineAddress& manager,
                                           const std::string& service);

// The Engine's way of putting two outputs on one stream: a head of 8 bytes, the first of which is 2
// for stderr and the last four of which are a length, and so many bytes.
class ExecFrames {
 public:
  // Appends what has come whole or in part. Any chopping gives the same.
  void feed(std::string_view bytes, std::string& output, std::string& errors);

 private:
  std::string head_;
  std::size_t left_ = 0;  // of the frame that has begun
};

}  // namespace utakata
