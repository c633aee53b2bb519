// How many new clients an instance has been given within the last second: never more than it
// accepts (promise 12). The second is cut into tenths; the one running counts on top of the last
// ten, so the bound holds for every second whatever its phase, and clients may come in a burst.
// Pure; the ledger moves all windows on together.
#pragma once

#include <array>
#include <cstdint>

#include "base/instant.h"

namespace utakata {

struct AdmissionRate {
  int in_window = 0;    // new clients at most; 0: as many as come
  Duration window{1s};  // longer where an instance accepts less than one a second

  static AdmissionRate of(double accept_per_second);
  bool limits() const { return in_window > 0; }
  std::int64_t tick(Instant at) const { return at.time_since_epoch() / (window / 10); }
  bool operator==(const AdmissionRate&) const = default;
};

class AdmissionWindow {
 public:
  int given() const { return total_; }
  void give(int clients) {
    tenths_[0] += clients;
    total_ += clients;
  }
  void move_on(std::int64_t ticks) {
    for (; ticks > 0 && total_ > 0; --ticks) {
      total_ -= tenths_.back();
      for (std::size_t i = tenths_.size() - 1; i > 0; --i) tenths_[i] = tenths_[i - 1];
      tenths_[0] = 0;
    }
  }
  // Ticks until at least one more may come than now.
  int relief() const {
    for (int i = 10; i >= 0; --i)
      if (tenths_[std::size_t(i)] > 0) return 11 - i;
    return 0;
  }

 private:
  std::array<int, 11> tenths_{};  // [0] is running
  int total_ = 0;
};

}  // namespace utakata
