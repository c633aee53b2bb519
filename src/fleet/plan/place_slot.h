// An instance and a room as the ledger keeps them. Part of place.h; nobody else's business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/placement.h"
#include "fleet/plan/place_admission.h"
#include "fleet/plan/place_order.h"

namespace utakata {

struct PlaceSlot {
  std::shared_ptr<const Placeable::Identity> identity;
  std::uint32_t number = 0;  // in the log, never given twice; 0: the slot is free
  bool open = false, honours_keys = false, count_known = false;
  int connections = 0;
  std::optional<std::int64_t> accepted;
  std::optional<Instant> counted_at;
  Instant serving_since{},
      closed_until{};  // the latter: what an earlier life held there is not known
  double weight = 0, ramp = 0;

  int held = 0;  // pending, reserved and settling seats
  // Seats whose client has arrived, or never will, but maybe after the last count: held until a
  // count that knows.
  struct Settling {
    Instant at{};
    int seats = 0;
    bool awaited = false;  // somebody may come for it until `at`
  };
  std::vector<Settling> settling;
  std::uint32_t oldest = kNone, newest = kNone;  // pending holds
  bool has_tickets = false;                      // its url shows them: the counter tells no more
  bool tells_tickets = false;                    // it has confirmed one
  // Where it counts, too, an arrival by ticket shows in both, in either order, and is one: those
  // confirmed that the counter has yet to show, since the last count and since the one before; and
  // those of the last count of whom no ticket is known, who have until the next one to show it.
  std::int64_t named = 0, named_before = 0, unnamed = 0;
  // Seats given back or expired whose clients may have come and will yet show in `accepted`: they
  // must not end somebody else's hold. Since the last count, and since the one before.
  std::int64_t released = 0, released_before = 0;
  // The counter says how many came, not who. So many seats of holds taken for arrived may yet be
  // waited for until `presumed_until`, while whoever came in their stead, and was expected by the
  // count at `presumed_at`, gives its own back: as many seats stay held as long.
  int presumed = 0;
  Instant presumed_until{}, presumed_at{};

  int keys = 0;
  std::uint32_t room_first = kNone, room_last = kNone;    // by last asked for, the latest first
  std::uint32_t quiet_first = kNone, quiet_last = kNone;  // by `quiet_since`, until swept
  int zeros = 0;                                          // fresh counts of nobody in a row
  Instant zero_at{}, zero_before{};                       // the last of them and the one before

  AdmissionWindow window;
  bool windowed = false;    // in the list of windows to move on
  std::uint64_t tie = 0;    // when it was last chosen
  int offer = 0, free = 0;  // what it adds to the sums of clients admissible and seats free

  bool tells_accepted() const { return accepted && !has_tickets; }
  // A ticket not confirmed has not arrived.
  bool tells_who() const { return tells_tickets && !tells_accepted(); }
};

struct PlaceRoom {
  std::string key;
  std::uint64_t hash = 0;           // of the key
  std::uint32_t hash_next = kNone;  // in its bucket
  std::uint32_t number = 0;         // in the log; 0: free
  std::uint32_t slot = 0;
  std::uint32_t total = 0, drawn = 0;
  std::uint32_t reserve = kNone;  // the hold of the undrawn seats
  std::uint32_t draws = kNone;    // placements in it, a list
  int pending = 0;                // of them not arrived yet
  bool stranger = false;
  bool maybe_live = false;                      // somebody may be in it whom no placement names
  Instant asked{}, quiet_since{};               // the latter: when the last pending one ended
  std::uint32_t before = kNone, after = kNone;  // rooms of the same instance
  bool is_quiet = false;                        // in the list of those, none pending
  std::uint32_t quiet_before = kNone, quiet_after = kNone;
};

}  // namespace utakata
