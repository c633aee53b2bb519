// Instances' output: one file each, to which they append themselves, and its one kept older
// generation.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/instant.h"

namespace utakata {

// An id as a file name: what is not a letter, a digit, `.`, `_` or `-` becomes `_`.
std::string file_name(std::string_view id);

// What a program said before it ended, in one line of plain UTF-8 text of at most 200 bytes: the
// last one that speaks of an error (Node prints its version after the error, npm where its log is),
// else the last with anything in it. Empty: no such file, or nothing in it. Reads the last 4 KB.
std::string last_words(const std::string& path);

// Copies the file to `path.1` and empties it, if it is larger than `bytes_max`. Its writers hold it
// open with O_APPEND and need not know. What they write in the microseconds between the end of the
// copy and the emptying is lost; nothing else. False: not needed, or not possible (disk full: the
// file is left whole until it is twice too large, then emptied).
bool rotate_log(const std::string& path, std::int64_t bytes_max);

// Keeps the logs of the `most` that ended last, and removes what is older: a crash loop must not
// fill the disk.
class EndedLogs {
 public:
  explicit EndedLogs(std::size_t most) : most_(most) {}
  void add(std::string path);

 private:
  std::size_t most_;
  std::deque<std::string> paths_;  // oldest first
};

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
