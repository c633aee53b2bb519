// Which of all users are a worker's: of n workers the i-th has those whose number k leaves i when
// divided by n. So the parts together are the whole, and no two workers differ by more than one.
#pragma once

#include <cstdint>

namespace utakata::load {

struct Part {
  std::int64_t worker = 0, workers = 1;  // 0 <= worker < workers

  // Of users 0 to total - 1.
  std::int64_t share_of(std::int64_t total) const {
    return total > worker ? (total - worker - 1) / workers + 1 : 0;
  }
  // The number, among all, of this worker's nth (from 0).
  std::int64_t number_of(std::int64_t nth) const { return worker + nth * workers; }
};

}  // namespace utakata::load
