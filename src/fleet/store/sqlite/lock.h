// The claim on one store file: a locked file beside it that says who holds it. The kernel lets go
// when the holder dies.
#pragma once

#include <memory>
#include <string>

#include "base/problem.h"

namespace utakata::sqlite {

class FileLock {
 public:
  // Takes `<path>.lock`, which stays behind: to remove it would race with the next taker. Held by
  // another: `conflict`, with its pid and since when. May wait up to a second for children that a
  // killed holder forked and that have not yet noticed.
  static Expected<std::unique_ptr<FileLock>> take(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace utakata::sqlite
