#include "fleet/plan/place_line.h"

#include <algorithm>
#include <utility>

namespace utakata {

void PlaceLine::add(std::size_t place, int seats) {
  for (std::size_t i = place + 1; i <= kPlaces; i += i & (~i + 1)) sums_[i] += seats;
}

std::int64_t PlaceLine::sum_before(std::size_t place) const {
  std::int64_t sum = 0;
  for (std::size_t i = place; i > 0; i &= i - 1) sum += sums_[i];
  return sum;
}

std::optional<std::uint64_t> PlaceLine::join(int seats, Instant absent_after) {
  if (waiters_.empty()) {
    waiters_.resize(kPlaces);
    sums_.resize(kPlaces + 1);
  }
  while (head_ != tail_ && at(head_).seats == 0) ++head_;
  if (tail_ - head_ == kPlaces) return std::nullopt;
  const std::uint64_t number = tail_++;
  at(number) = {.seats = seats, .claims = false, .absent_after = absent_after};
  seats_ += seats;
  ++waiting_;
  return number;
}

bool PlaceLine::stands(std::uint64_t number) const {
  return number >= head_ && number < tail_ && at(number).seats > 0;
}

void PlaceLine::stay(std::uint64_t number, Instant absent_after) {
  if (!stands(number)) return;
  Waiter& waiter = at(number);
  waiter.absent_after = std::max(waiter.absent_after, absent_after);
  if (std::exchange(waiter.claims, true)) return;
  add(number % kPlaces, waiter.seats);
  claimed_ += waiter.seats;
}

void PlaceLine::leave(std::uint64_t number) {
  if (!stands(number)) return;
  if (at(number).claims) {
    add(number % kPlaces, -at(number).seats);
    claimed_ -= at(number).seats;
  }
  seats_ -= at(number).seats;
  --waiting_;
  at(number).seats = 0;
  while (head_ != tail_ && at(head_).seats == 0) ++head_;
}

std::int64_t PlaceLine::ahead(std::uint64_t number) const {
  const std::size_t place = number % kPlaces, head = head_ % kPlaces;
  if (place >= head) return sum_before(place) - sum_before(head);
  return sum_before(kPlaces) - sum_before(head) + sum_before(place);
}

void PlaceLine::expire(Instant now, int looks) {
  // Once round is enough: who has one waiter would otherwise look at it thousands of times.
  for (auto left = std::min<std::uint64_t>(std::uint64_t(looks), tail_ - head_);
       left > 0 && waiting_ > 0; --left) {
    if (cursor_ < head_ || cursor_ >= tail_) cursor_ = head_;
    const std::uint64_t number = cursor_++;
    if (at(number).seats > 0 && at(number).absent_after <= now) leave(number);
  }
}

}  // namespace utakata
