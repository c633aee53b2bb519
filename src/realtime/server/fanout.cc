#include "realtime/server/fanout.h"

#include <algorithm>
#include <utility>

namespace utakata::realtime {

void Fanout::slice(Letter& letter) {
  const auto end = std::min(letter.readers->size(), letter.next + slice_);
  while (letter.next < end) {
    const ClientSlot client = (*letter.readers)[letter.next++];
    const bool is_gone =
        !letter.gone.empty() && std::ranges::find(letter.gone, client) != letter.gone.end();
    if (client != letter.but && !is_gone) send_(client, letter.frame, letter.topic, letter.twin);
  }
}

void Fanout::publish(std::string_view channel, Readers readers, Frame frame,
                     std::optional<ClientSlot> but, Topic topic) {
  if (!readers || readers->empty()) return;
  Letter letter{std::move(readers), std::move(frame), but, topic};
  if (!lanes_.empty())
    if (const auto busy = lanes_.find(channel); busy != lanes_.end())
      return busy->second.push_back(std::move(letter));
  slice(letter);
  if (letter.next == letter.readers->size()) return;
  lanes_[std::string(channel)].push_back(std::move(letter));
  turns_.emplace_back(channel);
}

void Fanout::leaves(ClientSlot client) {
  for (auto& [channel, lane] : lanes_)
    for (Letter& letter : lane)
      if (std::ranges::binary_search(*letter.readers, client)) letter.gone.push_back(client);
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
  if (lane.front().next == lane.front().readers->size()) lane.pop_front();
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
