#include "fleet/plan/place_holds.h"

#include <algorithm>

#include "base/check.h"

namespace utakata {

void HoldTable::grow(std::uint32_t size) {
  while (chunks_.size() * kChunk < size) chunks_.push_back(std::make_unique<Hold[]>(kChunk));
  size_ = std::max(size_, size);
}

std::uint32_t HoldTable::make() {
  std::uint32_t index = free_head_;
  if (index != kNone) {
    free_head_ = (*this)[index].due_after;
    (*this)[index].due_after = kNone;
  } else {
    index = size_;
    check(index < kEntriesMax, "seats held are bounded by the fleet's capacity");
    grow(index + 1);
  }
  if (++serial_ == 0) ++serial_;
  (*this)[index].serial = serial_;
  return index;
}

bool HoldTable::make_at(std::uint64_t number) {
  const auto index = std::uint32_t(number >> 32), serial = std::uint32_t(number);
  if (index >= kEntriesMax || serial == 0) return false;
  grow(index + 1);
  if ((*this)[index].serial != 0) return false;
  (*this)[index].serial = serial;
  serial_ = std::max(serial_, serial);
  return true;
}

std::uint32_t HoldTable::occupant(std::uint64_t number) const {
  const auto index = std::uint32_t(number >> 32);
  return index < size_ && (*this)[index].serial != 0 ? index : kNone;
}

void HoldTable::finish_replay() {
  serial_ += first_;  // who gave those replayed may go on giving more, where it is out of reach
  free_head_ = kNone;
  for (std::uint32_t index = size_; index-- > 0;) {
    if ((*this)[index].serial != 0) continue;
    (*this)[index] = {};
    (*this)[index].due_after = free_head_;
    free_head_ = index;
  }
}

void HoldTable::free(std::uint32_t index) {
  Hold& hold = (*this)[index];
  check(hold.serial != 0 && hold.bucket == Hold::kUnscheduled,
        "a hold ends once, and leaves the wheel first");
  hold = {};
  hold.due_after = free_head_;
  free_head_ = index;
}

std::uint32_t HoldTable::find(std::uint64_t number) const {
  const auto index = std::uint32_t(number >> 32), serial = std::uint32_t(number);
  return serial != 0 && index < size_ && (*this)[index].serial == serial ? index : kNone;
}

void HoldTable::start(Instant now) {
  if (tick_ >= 0) return;
  tick_ = tick_of(now);
  wheel_.fill(kNone);
}

void HoldTable::schedule(std::uint32_t index, Instant now) {
  start(now);
  Hold& hold = (*this)[index];
  // What lies beyond the horizon (137 s) waits in the farthest bucket and is scheduled again from
  // there.
  hold.bucket = bucket_of(std::clamp(tick_of(hold.expires), tick_, tick_ + kBuckets - 2));
  std::uint32_t& head = wheel_[hold.bucket];
  hold.due_before = kNone;
  hold.due_after = head;
  if (head != kNone) (*this)[head].due_before = index;
  head = index;
  ++scheduled_;
}

void HoldTable::unschedule(std::uint32_t index) {
  Hold& hold = (*this)[index];
  if (hold.bucket == Hold::kUnscheduled) return;
  (hold.due_before == kNone ? wheel_[hold.bucket] : (*this)[hold.due_before].due_after) =
      hold.due_after;
  if (hold.due_after != kNone) (*this)[hold.due_after].due_before = hold.due_before;
  hold.due_before = hold.due_after = kNone;
  hold.bucket = Hold::kUnscheduled;
  --scheduled_;
}

std::uint32_t HoldTable::next_due(Instant now) {
  start(now);
  const std::int64_t tick = tick_of(now);
  while (tick_ < tick && scheduled_ > 0) {
    const std::uint32_t index = wheel_[bucket_of(tick_)];
    if (index == kNone) {
      ++tick_;
      continue;
    }
    unschedule(index);
    if ((*this)[index].expires <= now) return index;
    // It waits for a later round; not in the bucket that is being emptied. One step each 137 s.
    ++tick_;
    schedule(index, now);
    --tick_;
  }
  if (scheduled_ == 0) tick_ = std::max(tick_, tick);
  return kNone;
}

}  // namespace utakata
