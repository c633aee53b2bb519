// What a worker and the parent of one host say to each other, as bytes. Pure.
//
// A message is one frame or several, a datagram holds whole frames: many small messages travel in
// one, and a large one in many. Both ends are the same program on the same host, so numbers are as
// the machine has them. What is short, long or unknown is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "realtime/bus/bus.h"

namespace utakata::realtime {

constexpr std::size_t datagram_bytes_max = 128 * 1024;
constexpr std::size_t envelope_bytes_max = 16 * 1024 * 1024;  // of one message, whole

// Fields that a kind does not name are empty.
struct Envelope {
  enum class Kind : std::uint8_t {
    join,       // from a worker: tell me what is kept, and then all that is published
    caught_up,  // to it: that was all that is kept
    publish,    // from a worker: tenant, channel, text, keeps
    word,       // to all who joined: tenant, channel, text, epoch, offset, serial
    hand_over,  // with a descriptor. number: the worker it is for, or comes from; text: bytes read
    ask,        // from a worker: number, text
    order,      // to a worker: number (0: no answer is wanted), text
    answer      // to either: the number of what was asked or ordered, text
  };
  Kind kind = Kind::join;
  std::uint64_t number = 0;
  std::string_view tenant{}, channel{}, text{}, epoch{};
  std::uint64_t offset = 0, serial = 0;
  std::optional<BusKeeps> keeps{};
};

// Frames, whole: shared by all who are sent the same.
using Encoded = std::shared_ptr<const std::string>;
Encoded encode(const Envelope& envelope);  // nullptr: larger than envelope_bytes_max
// How many bytes the frame has that begins at `at` of what was encoded.
std::size_t frame_bytes(std::string_view encoded, std::size_t at);

// Messages out of datagrams. After feed(), next() is asked until it has none; what it gives is
// valid until it is asked again, and `datagram` must be until then, too.
class EnvelopeReader {
 public:
  void feed(std::string_view datagram) { rest_ = datagram; }
  std::optional<Envelope> next();
  std::size_t held() const { return parts_.size(); }  // of a message whose rest is to come
  std::uint64_t dropped() const { return dropped_; }  // pieces that made no sense, ever

 private:
  std::optional<std::string_view> next_frame(bool& has_more);
  std::string_view rest_;
  std::string parts_, whole_;  // what came of a message in parts; the last that became whole
  bool is_skipping_ = false;   // parts of what is too large
  std::uint64_t dropped_ = 0;
};

}  // namespace utakata::realtime
