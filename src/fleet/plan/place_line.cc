#include "fleet/plan/place_line.h"

#include <algorithm>
#include <utility>

namespace utakata {

void PlaceLine::add(std::uint64_t number, const PlaceClaim& claim) {
  for (std::size_t i = number % kPlaces + 1; i <= kPlaces; i += i & (~i + 1)) sums_[i] += claim;
  claimed_ += claim;
}

PlaceClaim PlaceLine::sum_before(std::size_t place) const {
  PlaceClaim sum;
  for (std::size_t i = place; i > 0; i &= i - 1) sum += sums_[i];
  return sum;
}

std::optional<std::uint64_t> PlaceLine::join(PlaceClaim claim, Instant absent_after) {
  if (waiters_.empty()) {
    waiters_.resize(kPlaces);
    sums_.resize(kPlaces + 1);
  }
  while (head_ != tail_ && at(head_).clients == 0) ++head_;
  if (tail_ - head_ == kPlaces) return std::nullopt;
  const std::uint64_t number = tail_++;
  at(number) = {.clients = std::int32_t(claim.clients),
                .claims = false,
                .seats = std::int32_t(claim.seats),
                .absent_after = absent_after};
  clients_ += claim.clients;
  ++waiting_;
  return number;
}

bool PlaceLine::stands(std::uint64_t number) const {
  return number >= head_ && number < tail_ && at(number).clients > 0;
}

void PlaceLine::stay(std::uint64_t number, PlaceClaim claim, Instant absent_after) {
  if (!stands(number)) return;
  Waiter& waiter = at(number);
  waiter.absent_after = std::max(waiter.absent_after, absent_after);
  if (std::exchange(waiter.claims, true)) {
    if (waiter.claim() == claim) return;
    add(number, -waiter.claim());
  }
  clients_ += claim.clients - waiter.clients;
  waiter.clients = std::int32_t(claim.clients);
  waiter.seats = std::int32_t(claim.seats);
  add(number, claim);
}

void PlaceLine::leave(std::uint64_t number) {
  if (!stands(number)) return;
  if (at(number).claims) add(number, -at(number).claim());
  clients_ -= at(number).clients;
  --waiting_;
  at(number).clients = 0;
  while (head_ != tail_ && at(head_).clients == 0) ++head_;
}

PlaceClaim PlaceLine::ahead(std::uint64_t number) const {
  const std::size_t place = number % kPlaces, head = head_ % kPlaces;
  PlaceClaim sum = sum_before(place);
  sum += -sum_before(head);
  if (place < head) sum += sum_before(kPlaces);
  return sum;
}

void PlaceLine::expire(Instant now, int looks) {
  // Once round is enough: who has one waiter would otherwise look at it thousands of times.
  for (auto left = std::min<std::uint64_t>(std::uint64_t(looks), tail_ - head_);
       left > 0 && waiting_ > 0; --left) {
    if (cursor_ < head_ || cursor_ >= tail_) cursor_ = head_;
    const std::uint64_t number = cursor_++;
    if (at(number).clients > 0 && at(number).absent_after <= now) leave(number);
  }
}

}  // namespace utakata
