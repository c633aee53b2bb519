// How processes of one cluster hand over the seats of clients that are away (recovery.h), as bytes
// for the bus (bus/bus.h). Pure.
//
//   ask      a client came here that says it has a seat: who has it hands it over
//   seat     the answer, to who asked
//   lost     the answer where what the client missed is not kept any more: it begins anew
//   leaving  this process ends, and has seats: somebody ask for them all
//   ask_all  of who leaves; the first that asks is handed each
//
// Who has a seat is one process at a time: it gives it away once, to the first that asks. Nothing
// comes back where nobody has it. Seats are asked for, not announced: the old connection of who
// comes may be dead and its process not know it, so that it must be asked anyway; and what others
// lose costs us no memory (RecoveryLimits bounds what we lose).
//
// A seat says of each channel from which message on its client has missed something; none means:
// nothing that was said before the ask. Both have heard the same when they hear that on the bus.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

inline constexpr std::string_view seats_channel = "#seats";  // of the bus: no channel of clients

struct HandedSubscription {
  std::string channel;
  std::optional<Member> member{};
  std::optional<Position> missed{};  // the first that it has not got
  bool operator==(const HandedSubscription&) const = default;
};

struct HandedSeat {  // as RecoverySeat
  std::string space, sid, pid, user, of_epoch;
  std::uint64_t at_least = 0;
  std::chrono::milliseconds away{};
  std::vector<HandedSubscription> channels{};
  bool operator==(const HandedSeat&) const = default;
};

struct SeatWord {
  enum class Kind : std::uint8_t { ask, seat, lost, leaving, ask_all };
  Kind kind = Kind::ask;
  std::string from;                     // the process that says it
  std::string to{};                     // but of ask and leaving, which are for all
  std::uint64_t number = 0;             // of an ask, by who asks; of an answer: what it answers
  std::string pid{}, space{};           // of ask; of lost the pid
  std::optional<std::string> offset{};  // of ask, as the client says it
  HandedSeat seat{};                    // of seat
  bool operator==(const SeatWord&) const = default;
};

std::string seat_word_bytes(const SeatWord& word);
// Nothing: they are none, or of another version.
std::optional<SeatWord> seat_word(std::string_view bytes);

}  // namespace utakata::realtime
