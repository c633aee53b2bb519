// Lines out of a stream, however it is chopped. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace utakata::net {

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  // Each whole line without its end, empty ones left out. False: one was longer than the cap, and
  // nothing more comes of this stream. `line` may not feed it.
  bool feed(std::string_view bytes, const std::function<void(std::string_view)>& line);

 private:
  std::size_t bytes_max_;
  std::string begun_;  // a line that has not ended yet
  bool is_broken_ = false;
};

}  // namespace utakata::net
