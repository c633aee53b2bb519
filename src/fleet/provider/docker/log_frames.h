// The Engine's way of putting a container's output on one stream: frames of an 8-byte head (which
// of stdout and stderr, and a length) and a piece of text, here with the time before it.
#pragma once

#include <string>
#include <string_view>

namespace utakata {

class LogFrames {
 public:
  // Appends what the frames say to `text`, their times left out, and keeps the time of the last
  // ("2026-11-23T08:27:49.605576259Z"). Any chopping gives the same. False: these are no frames
  // (a length over 1 MiB: the Engine splits lines at 16 KB), and nothing more is read.
  bool feed(std::string_view bytes, std::string& text);
  const std::string& last_time() const { return last_time_; }

 private:
  std::string rest_, last_time_;
  bool is_broken_ = false;
};

}  // namespace utakata
