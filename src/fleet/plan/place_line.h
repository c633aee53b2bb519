// The line of clients that found no place: first come, first served. A place in line is a number
// the client sends back when it asks again; who stays away past its grace leaves the line. Only who
// has come back once has a claim on seats: a client that asks ever anew and never names its place
// would otherwise fill the line with claims that nobody will take up, and keep everybody out of
// empty instances. Bounded: 65,536 in line, 1.8 MB, and only once somebody waits. Pure; O(log n) a
// call.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/instant.h"

namespace utakata {

class PlaceLine {
 public:
  // `first` is the first number given; a random one keeps numbers of an earlier life from meaning
  // somebody else.
  explicit PlaceLine(std::uint64_t first) : head_(first), tail_(first), cursor_(first) {}

  std::optional<std::uint64_t> join(int seats, Instant absent_after);  // nothing: the line is full
  bool stands(std::uint64_t number) const;
  void stay(std::uint64_t number, Instant absent_after);  // it has come back
  void leave(std::uint64_t number);
  std::int64_t ahead(std::uint64_t number) const;    // seats that those before it have a claim on
  std::int64_t claimed() const { return claimed_; }  // seats that there is a claim on
  std::int64_t seats() const { return seats_; }      // that all wait for
  int waiting() const { return waiting_; }
  void expire(Instant now, int looks = 16);  // amortised: so many are looked at

 private:
  static constexpr std::size_t kPlaces = 65536;
  struct Waiter {
    int seats = 0;  // 0: left
    bool claims = false;
    Instant absent_after{};
  };
  Waiter& at(std::uint64_t number) { return waiters_[number % kPlaces]; }
  const Waiter& at(std::uint64_t number) const { return waiters_[number % kPlaces]; }
  void add(std::size_t place, int seats);
  std::int64_t sum_before(std::size_t place) const;

  std::vector<Waiter> waiters_;
  std::vector<std::int64_t> sums_;  // Fenwick tree of claimed seats by ring place
  std::uint64_t head_, tail_, cursor_;
  std::int64_t seats_ = 0, claimed_ = 0;
  int waiting_ = 0;
};

}  // namespace utakata
