#include "realtime/server/fanout.h"

#include <algorithm>
#include <utility>

namespace utakata::realtime {
namespace {

constexpr std::size_t kLetterBytes = 200;  // beside its frame and its readers

}  // namespace

void Fanout::slice(Letter& letter) {
  const auto end = std::min(letter.readers->size(), letter.next + slice_);
  while (letter.next < end) {
    const ClientSlot client = (*letter.readers)[letter.next++];
    if (client != letter.but && !has_left_since(client, letter.serial))
      send_(client, letter.frame, letter.topic, letter.twin);
  }
}

void Fanout::publish(std::string_view channel, Readers readers, Frame frame,
                     std::optional<ClientSlot> but, Topic topic) {
  if (!readers || readers->empty()) return;
  Letter letter{std::move(readers), std::move(frame), but, topic, ++serial_};
  if (!lanes_.empty())
    if (const auto busy = lanes_.find(channel); busy != lanes_.end())
      return keep(busy->second, std::move(letter));
  slice(letter);
  if (letter.next == letter.readers->size()) return;
  turns_.emplace_back(channel);
  keep(lanes_[std::string(channel)], std::move(letter));
}

void Fanout::keep(Lane& lane, Letter letter) {
  const bool shares_readers = !lane.empty() && lane.back().readers == letter.readers;
  letter.bytes = kLetterBytes + letter.frame->size() +
                 (shares_readers ? 0 : letter.readers->size() * sizeof(ClientSlot));
  waiting_bytes_ += letter.bytes;
  lane.push_back(std::move(letter));
  while (waiting_bytes_ > kMostBytes) go_on();
}

void Fanout::leaves(ClientSlot client) {
  if (!is_busy()) return;
  if (client >= left_.size()) left_.resize(client + 1);
  left_[client] = last_left_ = serial_;
}

// What waits for the same readers becomes one letter.
void Fanout::join(Lane& lane) {
  std::size_t count = 1, bytes = lane[0].frame->size();
  while (count < lane.size() && lane[count].readers == lane[0].readers &&
         lane[count].but == lane[0].but && lane[count].topic == lane[0].topic &&
         bytes + lane[count].frame->size() <= kJoinedBytes)
    bytes += lane[count++].frame->size();
  if (count == 1) return;
  auto joined = std::make_shared<std::string>();
  joined->reserve(bytes);
  for (std::size_t i = 0; i < count; ++i) joined->append(*lane[i].frame);
  lane[0].frame = std::move(joined);
  for (std::size_t i = 1; i < count; ++i) lane[0].bytes += lane[i].bytes;
  lane.erase(lane.begin() + 1, lane.begin() + std::ptrdiff_t(count));
}

bool Fanout::go_on() {
  if (turns_.empty()) return false;
  std::string channel = std::move(turns_.front());
  turns_.pop_front();
  const auto known = lanes_.find(channel);
  Lane& lane = known->second;
  if (lane.front().next == 0) join(lane);
  slice(lane.front());
  if (lane.front().next == lane.front().readers->size()) {
    waiting_bytes_ -= lane.front().bytes;
    lane.pop_front();
  }
  if (lane.empty())
    lanes_.erase(known);
  else
    turns_.push_back(std::move(channel));
  return !turns_.empty();
}

void Fanout::took(Duration time) {
  if (time > kSliceTime * 5 / 4) slice_ = std::max(kSliceLeast, slice_ * 3 / 4);
  if (time < kSliceTime * 3 / 4) slice_ = std::min(kSlice, slice_ * 5 / 4);
}

}  // namespace utakata::realtime
