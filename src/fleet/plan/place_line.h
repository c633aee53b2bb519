// The line of clients that found no place: first come, first served. A place in line is a number
// the client sends back when it asks again; who stays away past its grace leaves the line. Only who
// has come back once has a claim on seats: a client that asks ever anew and never names its place
// would otherwise fill the line with claims that nobody will take up, and keep everybody out of
// empty instances. Bounded: 65,536 in line, 2.6 MB, and only once somebody waits. Pure; O(log n) a
// call.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/instant.h"

namespace utakata {

// What one waits for, or many together. A room's first caller is one client, whom an instance must
// accept, and waits for all seats of the room.
struct PlaceClaim {
  std::int64_t clients = 0, seats = 0;
  PlaceClaim& operator+=(const PlaceClaim& more) {
    clients += more.clients;
    seats += more.seats;
    return *this;
  }
  PlaceClaim operator-() const { return {-clients, -seats}; }
  bool operator==(const PlaceClaim&) const = default;
};

class PlaceLine {
 public:
  // `first` is the first number given; a random one keeps numbers of an earlier life from meaning
  // somebody else.
  explicit PlaceLine(std::uint64_t first) : head_(first), tail_(first), cursor_(first) {}

  // One client or more. Nothing: the line is full.
  std::optional<std::uint64_t> join(PlaceClaim claim, Instant absent_after);
  std::uint64_t next() const { return tail_; }  // the number that join() would give
  bool stands(std::uint64_t number) const;
  // It has come back, and waits for so much now.
  void stay(std::uint64_t number, PlaceClaim claim, Instant absent_after);
  void leave(std::uint64_t number);
  PlaceClaim ahead(std::uint64_t number) const;           // of those before it who have come back
  const PlaceClaim& claimed() const { return claimed_; }  // of all who have come back
  std::int64_t clients() const { return clients_; }       // all who wait
  int waiting() const { return waiting_; }
  void expire(Instant now, int looks = 2);  // amortised: so many are looked at

 private:
  static constexpr std::size_t kPlaces = 65536;
  struct Waiter {
    std::int32_t clients = 0;  // 0: left
    bool claims = false;
    std::int32_t seats = 0;
    Instant absent_after{};
    PlaceClaim claim() const { return {clients, seats}; }
  };
  Waiter& at(std::uint64_t number) { return waiters_[number % kPlaces]; }
  const Waiter& at(std::uint64_t number) const { return waiters_[number % kPlaces]; }
  void add(std::uint64_t number, const PlaceClaim& claim);
  PlaceClaim sum_before(std::size_t place) const;

  std::vector<Waiter> waiters_;
  std::vector<PlaceClaim> sums_;  // Fenwick tree of claims by ring place
  std::uint64_t head_, tail_, cursor_;
  std::int64_t clients_ = 0;
  PlaceClaim claimed_;
  int waiting_ = 0;
};

}  // namespace utakata
