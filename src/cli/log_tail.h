// The end of a log file that grows, and is emptied in place when it is rotated (copy and truncate).
#pragma once

#include <cstdint>
#include <string>

namespace utakata {

class LogTail {
 public:
  explicit LogTail(std::string path) : path_(std::move(path)) {}

  // The last so many lines; reads at most the last megabyte. What comes later is next()'s.
  std::string last(int lines);
  // Whole lines that were added since; at most a megabyte a call. A file that is not there (yet)
  // has none.
  std::string next();

 private:
  std::string read_from(std::uint64_t offset);

  std::string path_;
  std::uint64_t offset_ = 0;
  std::string partial_;  // of a line whose end is not yet written
};

// Each line with `prefix` before it.
std::string prefixed(const std::string& lines, const std::string& prefix);

}  // namespace utakata
