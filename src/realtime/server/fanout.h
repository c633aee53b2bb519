// Who gets a message next, when thousands do: in slices, so that others are served between, and
// what was said meanwhile on the same channel goes out joined. Pure; one thread.
//
// Messages of one channel reach each reader in their order; channels take turns. A message for no
// more than a slice of readers goes out at once where its channel is not busy: no delay when idle.
// What waits is bounded: whoever can, publishes nothing while it is full; who cannot pays at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/instant.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

using Frame = std::shared_ptr<const std::string>;  // bytes as they go over the wire
// The same compressed, made when a reader first wants it and shared by all that do.
struct Twin {
  Frame frame{};                 // none: not made yet
  std::uint8_t window_bits = 0;  // what a reader must keep to read it
};
// A channel, for whoever lets newer frames take the place of older ones; 0: of none.
using Topic = std::uint64_t;
inline Topic topic_of(std::string_view channel) {
  return std::hash<std::string_view>{}(channel) | 1;
}

class Fanout {
 public:
  // The most sends at a time, and the most that is joined: who reads slowly holds it.
  static constexpr std::size_t kSlice = 300, kSliceLeast = 64, kJoinedBytes = 64 * 1024;
  static constexpr Duration kSliceTime{1ms};
  // Of what waits: from the first on it is full, the second it does not exceed.
  static constexpr std::size_t kFullBytes = 16 * 1024 * 1024, kMostBytes = 2 * kFullBytes;
  using Send = std::function<void(ClientSlot, const Frame&, Topic, Twin&)>;
  explicit Fanout(Send send, std::size_t slice = kSlice) : send_(std::move(send)), slice_(slice) {}

  // `but`: who does not get it. Beyond kMostBytes it first takes as many slices as that asks for.
  void publish(std::string_view channel, Readers readers, Frame frame,
               std::optional<ClientSlot> but = {}, Topic topic = 0);
  // It is gone, and its slot may be another's: it gets nothing of what was published before.
  void leaves(ClientSlot client);
  bool go_on();  // one slice of one channel; true: there is more
  // How long the last slice took: the next are made so that they take about `kSliceTime`, however
  // slow sends are here and now.
  void took(Duration time);
  std::size_t slice_size() const { return slice_; }
  bool is_busy() const { return !turns_.empty(); }
  bool is_full() const { return waiting_bytes_ > kFullBytes; }
  std::size_t waiting_bytes() const { return waiting_bytes_; }  // about: frames, lists of readers

 private:
  struct Letter {
    Readers readers;
    Frame frame;
    std::optional<ClientSlot> but;
    Topic topic = 0;
    std::uint64_t serial = 0;  // in the order of publishing
    std::size_t next = 0;      // of the readers
    std::size_t bytes = 0;     // of waiting_bytes_
    Twin twin{};
  };
  using Lane = std::deque<Letter>;
  void slice(Letter& letter);
  void keep(Lane& lane, Letter letter);
  void join(Lane& lane);
  bool has_left_since(ClientSlot client, std::uint64_t serial) const {
    return serial <= last_left_ && client < left_.size() && serial <= left_[client];
  }

  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  Send send_;
  std::size_t slice_;
  std::unordered_map<std::string, Lane, NameHash, std::equal_to<>> lanes_;  // busy ones
  std::deque<std::string> turns_;                                           // of the lanes
  std::size_t waiting_bytes_ = 0;
  std::uint64_t serial_ = 0, last_left_ = 0;
  std::vector<std::uint64_t> left_;  // by client: the last serial before it went
};

}  // namespace utakata::realtime
