#include "realtime/channel/timeline.h"

#include <algorithm>

namespace utakata::realtime {

std::uint64_t Timeline::append(MessagePtr message, Instant now, std::uint64_t came) {
  bytes_ += message->data.size();
  note(*message, came);
  entries_.push_back({++last_, now, std::move(message), came});
  while (entries_.size() > std::max<std::size_t>(1, limits_.count) ||
         (bytes_ > limits_.bytes && entries_.size() > 1))
    drop();
  expire(now);
  return last_;
}

bool Timeline::place(MessagePtr message, const Position& position, Instant now,
                     std::uint64_t came) {
  const bool is_of_another = position.epoch != epoch_;
  if (position.offset == 0 || (!is_of_another && position.offset <= last_)) return false;
  const bool is_behind_a_hole = position.offset > (is_of_another ? 0 : last_) + 1;
  if (is_of_another || is_behind_a_hole) begin(position.offset);
  epoch_ = position.epoch;
  append(std::move(message), now, came);
  // Who has not got this one has missed what the hole hides.
  if (is_behind_a_hole) dropped_ = newest_of_others_ = came;
  return true;
}

void Timeline::note(const Message& message, std::uint64_t came) {
  if (message.but != newest_but_) newest_of_others_ = newest_;
  newest_but_ = message.but;
  newest_ = came;
}

std::uint64_t Timeline::newest_for(std::string_view id) const {
  return !id.empty() && id == newest_but_ ? newest_of_others_ : newest_;
}

void Timeline::begin(std::uint64_t offset) {
  entries_.clear();
  bytes_ = 0;
  dropped_ = newest_;
  last_ = offset - 1;
}

void Timeline::expire(Instant now) {
  while (!entries_.empty() && now - entries_.front().at >= limits_.age) drop();
}

void Timeline::drop() {
  bytes_ -= entries_.front().message->data.size();
  dropped_ = entries_.front().came;
  entries_.pop_front();
}

std::vector<Timeline::Entry> Timeline::slice(std::uint64_t from, std::uint64_t to) const {
  from = std::max(from, first());
  to = std::min(to, last_ + 1);
  if (from >= to) return {};
  const auto begin = entries_.begin() + std::ptrdiff_t(from - first());
  return {begin, begin + std::ptrdiff_t(to - from)};
}

std::optional<std::vector<Timeline::Entry>> Timeline::since(const Position& position) const {
  if (position.epoch != epoch_ || position.offset > last_ || position.offset + 1 < first())
    return std::nullopt;
  return slice(position.offset + 1, last_ + 1);
}

std::optional<std::vector<Timeline::Entry>> Timeline::came_after(std::uint64_t came,
                                                                 std::string_view id) const {
  std::vector<Entry> after;
  if (newest_for(id) <= came) return after;
  if (dropped_ > came) return std::nullopt;
  auto entry = std::ranges::upper_bound(entries_, came, {}, &Entry::came);
  for (; entry != entries_.end(); ++entry)
    if (id.empty() || entry->message->but != id) after.push_back(*entry);
  return after;
}

std::optional<std::uint64_t> Timeline::came_at(const Position& position) const {
  if (position.epoch != epoch_ || position.offset < first() || position.offset > last_)
    return std::nullopt;
  return entries_[position.offset - first()].came;
}

std::vector<Timeline::Entry> Timeline::newest(std::size_t count) const {
  return slice(last_ + 1 - std::min(count, entries_.size()), last_ + 1);
}

std::vector<Timeline::Entry> Timeline::before(std::uint64_t offset, std::size_t count) const {
  const std::uint64_t to = std::min(offset, last_ + 1);
  return slice(to - std::min<std::uint64_t>(to, count), to);
}

std::vector<Timeline::Entry> Timeline::after(std::uint64_t offset, std::size_t count) const {
  if (offset >= last_) return {};
  const std::uint64_t from = std::max(offset + 1, first());
  return slice(from, from + std::min<std::uint64_t>(count, last_ + 1 - from));
}

}  // namespace utakata::realtime
