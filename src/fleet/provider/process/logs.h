// Instances' output: one file each, to which they append themselves, and its one kept older
// generation.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/instant.h"

namespace utakata {

// An id as a file name: what is not a letter, a digit, `.`, `_` or `-` becomes `_`.
std::string file_name(std::string_view id);

// The last line with anything in it, as plain UTF-8 text of at most 200 bytes; empty: no such file,
// or nothing in it. Reads 4 KB.
std::string last_line(const std::string& path);

// Copies the file to `path.1` and empties it, if it is larger than `bytes_max`. Its writers hold it
// open with O_APPEND and need not know. What they write in the microseconds between the end of the
// copy and the emptying is lost; nothing else. False: not needed, or not possible (disk full: the
// file is left whole until it is twice too large, then emptied).
bool rotate_log(const std::string& path, std::int64_t bytes_max);

// Looks over all `*.log` of a folder from a thread of its own: a copy of many MB is not the loop's
// work.
class LogRotation {
 public:
  LogRotation(std::string folder, std::int64_t bytes_max, Duration every);
  ~LogRotation();

 private:
  void run();

  std::string folder_;
  std::int64_t bytes_max_;
  Duration every_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace utakata
