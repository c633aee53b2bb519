// Which clients that were placed have come: their tickets are confirmed to the controller that gave
// them (docs/apps.md, "Tickets"), and it says whether they have a seat here.
//
// It plans and never sends: due() says what to ask, the caller does it and tells answered(). A
// controller that gives no answer is away: it is asked again by one ticket after a pause, and by
// all that wait as soon as it answers; nobody waits for its word meanwhile. Whose ticket it is may
// ask only once, or once for each seat: so one that may have been taken, as the answer did not come
// in time, is not sent again.
//
// Pure; one thread; `now` never goes back. Nothing is kept on disk. O(1) each; 200 bytes for each
// ticket that waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/instant.h"

namespace utakata::realtime {

bool is_ticket(std::string_view text);  // 32 small hexadecimal digits, as a controller makes them
// Where a ticket is confirmed, but for the ticket itself. `api`: UTAKATA_URL.
std::string tickets_url(std::string_view api, std::string_view stack, std::string_view cluster);

struct TicketLimits {
  std::size_t waiting = 4096;      // then who comes is told so, or the oldest is forgotten
  std::size_t at_once = 16;        // under way
  double per_second = 1000;        // whatever strangers show; a quarter of it at once
  Duration patience{3s};           // of who waits for the word of a slow controller
  Duration keep{60s};              // from when it was shown: its seat is given up about then
  Duration pause{1s}, pauses{8s};  // while away: doubled from the one to the other
};

// A controller that has not answered by then is away.
inline constexpr Duration ticket_answer_within{2s};

enum class TicketAnswer : std::uint8_t {
  seated,     // it has a seat here
  refused,    // it has none
  not_asked,  // it could not be asked: no connection, or an answer that is none
  no_answer   // it may have been asked
};

enum class TicketVerdict : std::uint8_t {
  seated,
  refused,
  unknown  // the controller is away, or slow
};

struct TicketCounts {
  std::int64_t seated = 0, refused = 0;
  std::int64_t dropped = 0;  // of whom the controller will not hear
};

class TicketDesk {
 public:
  using Id = std::uint64_t;  // of one who showed a ticket; never used again
  explicit TicketDesk(TicketLimits limits = {}) : limits_(limits) {}

  // `ticket`: is_ticket(). Nothing: too many wait, though the controller answers.
  std::optional<Id> shown(std::string ticket, Instant now);

  struct Question {
    Id id;
    std::string ticket;
  };
  // What to ask now. Each must be answered.
  std::vector<Question> due(Instant now);
  void answered(Id id, TicketAnswer answer, Instant now);
  // When due() may have something, for a timer; to be asked again after each call of the three
  // above. None: nothing will be due before the next of them.
  std::optional<Instant> next_due(Instant now) const;

  struct Decision {
    Id id;
    TicketVerdict verdict;
  };
  // What was decided since it was asked last, each id once.
  std::vector<Decision> decided();

  bool is_away() const { return is_away_; }
  std::size_t waiting() const { return entries_.size(); }  // those under way, too
  const TicketCounts& counts() const { return counts_; }

 private:
  struct Entry {
    std::string ticket;
    Instant at{};
    bool is_decided = false;
  };
  void decide(Id id, TicketVerdict verdict);
  void lose_patience(Instant now, Duration patience);
  void drop(Id id);
  void missed(Id id, Instant now);

  const TicketLimits limits_;
  Id last_ = 0;
  std::unordered_map<Id, Entry> entries_;
  std::deque<Id> queue_;      // those not under way, the oldest first
  std::deque<Id> undecided_;  // the oldest first; some may have been decided, or be gone
  std::size_t under_way_ = 0;
  bool is_away_ = false;
  Id probe_ = 0;  // the one by which it is asked whether it is back; 0: none
  Duration pause_{};
  Instant again_at_{};
  double allowed_ = 0;  // questions, at `paced_at_`
  Instant paced_at_{};
  std::vector<Decision> decided_;
  TicketCounts counts_;
};

}  // namespace utakata::realtime
