// One message on a channel, shared by all who get it and by the channel's timeline. Values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"

namespace utakata::realtime {

// A client's place among the connections of this process: small, in the order of their accepts as
// far as that is known, and used again once it is free.
using ClientSlot = std::uint32_t;

// Another process of the cluster, as the caller numbers them, from 1 on. A process that was
// forgotten may be numbered anew.
using Process = std::uint32_t;

// In the order of slots. Shared: who sends to thousands keeps the list as it was when it began.
using Readers = std::shared_ptr<const std::vector<ClientSlot>>;  // none: nobody

// The language of a client.
enum class Dialect : std::uint8_t { pusher, socketio };
inline constexpr std::size_t dialects = 2;

// What becomes of who reads more slowly than is said to it.
enum class SlowReaders : std::uint8_t {
  close,        // it is cut
  drop_oldest,  // it misses what waited longest
  conflate      // of each channel only the newest waits
};

struct Message {
  std::string event;
  std::string data;                   // as it was published: a JSON value
  std::optional<std::string> user{};  // who sent it, on presence channels
  // The data is a text that may have JSON in it, as Pusher's API sends it: who has no such custom
  // is told what is in it.
  bool is_packed = false;
  // Bytes that the data speaks of, in the Socket.IO dialect only; what has them is not kept.
  std::vector<std::string> attachments{};
  std::string but{};  // the id (sid, socket_id) of who is not told it; empty: all are
};
using MessagePtr = std::shared_ptr<const Message>;

// Where a reader stands on a timeline. Offsets begin at 1 and rise by one; another epoch is another
// timeline of the same name: nothing of the old one is to be had.
struct Position {
  std::string epoch;
  std::uint64_t offset = 0;
  bool operator==(const Position&) const = default;
};

}  // namespace utakata::realtime
