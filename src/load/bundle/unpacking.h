// A bundle as it arrives, unpacked into a folder of its own, which goes when this does; what a
// process left that was killed goes when the next one begins. The sender is not trusted: no file
// leaves the folder or takes another's place, and all together they are bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace utakata::load {

class Unpacking {
 public:
  // In $TMPDIR, for this user only. Problem: `unavailable`: it cannot be made.
  static Expected<std::unique_ptr<Unpacking>> in_new_folder();
  ~Unpacking();
  Unpacking(const Unpacking&) = delete;
  Unpacking& operator=(const Unpacking&) = delete;

  const std::string& folder() const { return folder_; }  // absolute, no symbolic link in it
  // A file of so many bytes begins, which the next calls of add() bring. Problems: `invalid`: a
  // name that is none (bundle.h), one that is there, too many, too large, or the last one is not
  // whole; `unavailable`: the disk is full, or the like. After any of them nothing more is taken.
  Expected<void> begin(std::string_view name, std::int64_t bytes);
  Expected<void> add(std::string_view piece);
  bool is_whole() const { return left_ == 0; }  // no file is under way

 private:
  Unpacking(std::string folder, int lock) : folder_(std::move(folder)), lock_(lock) {}
  std::unexpected<Problem> fail(Problem::Kind kind, std::string what);
  void close_file();

  const std::string folder_;
  const int lock_;  // of the folder, as long as we live: who is killed lets go of it
  int file_ = -1;
  std::size_t left_ = 0, bytes_ = 0, files_ = 0;
  bool has_failed_ = false;
};

}  // namespace utakata::load
