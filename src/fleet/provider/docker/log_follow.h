// The output of a container or of a service, followed from the Engine into a file, where `utakata
// logs` looks.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fleet/provider/docker/engine.h"
#include "fleet/provider/docker/log_frames.h"

namespace utakata {

// The file's modification time is kept at the Engine's own time of its last line: a later life of
// the controller goes on from exactly there, nothing twice and nothing left out.
class LogFollow {
 public:
  // `source`: "/containers/4f5e". `ended`: the container's output has ended, or the Engine is gone;
  // called at most once.
  LogFollow(Engine& engine, const std::string& source, std::string path,
            std::function<void()> ended);
  ~LogFollow();
  LogFollow(const LogFollow&) = delete;
  LogFollow& operator=(const LogFollow&) = delete;

 private:
  void take(std::string_view bytes);

  Engine& engine_;
  const std::string path_;
  LogFrames frames_;
  std::optional<Engine::FollowId> follow_;
};

}  // namespace utakata
