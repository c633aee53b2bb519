// How holds end: by expiry, arrival or release, and what that does to the seats held.
#include <algorithm>

#include "fleet/plan/place.h"

namespace utakata {

void PlacementLedger::enlist(std::uint32_t index) {
  Hold& hold = holds_[index];
  PlaceSlot& slot = slots_[hold.slot];
  hold.older = slot.newest;
  (slot.newest == kNone ? slot.oldest : holds_[slot.newest].newer) = index;
  slot.newest = index;
}

void PlacementLedger::unlist(std::uint32_t index) {
  Hold& hold = holds_[index];
  PlaceSlot& slot = slots_[hold.slot];
  (hold.older == kNone ? slot.oldest : holds_[hold.older].newer) = hold.newer;
  (hold.newer == kNone ? slot.newest : holds_[hold.newer].older) = hold.older;
  hold.older = hold.newer = kNone;
}

void PlacementLedger::forget(std::uint32_t index) {
  holds_.unschedule(index);
  holds_.free(index);
}

void PlacementLedger::give_up(Hold& hold, std::uint32_t seats) {
  slots_[hold.slot].held -= int(seats);
  if (hold.stranger) strangers_held_ -= int(seats);
}

// How many of a hold's seats that nobody is known to have come for somebody may have come for in
// another's stead: that other's seat stays held as long as he may come. Each is owed once.
std::uint32_t PlacementLedger::owed(PlaceSlot& slot, const Hold& hold, std::uint32_t absent,
                                    Instant at_least) {
  if (!slot.tells_accepted() || hold.granted >= slot.presumed_at) return 0;
  const auto owed = std::min(absent, std::uint32_t(slot.presumed));
  slot.presumed -= int(owed);
  if (owed > 0) settle(slot, std::max(slot.presumed_until, at_least), int(owed), true);
  return owed;
}

// Seats of who will not come, or has come and gone.
void PlacementLedger::give_back(Hold& hold) {
  PlaceSlot& slot = slots_[hold.slot];
  const std::uint32_t absent = hold.seats - hold.arrived;
  const std::uint32_t kept = owed(slot, hold, absent, {}), free = absent - kept;
  if (hold.stranger) strangers_held_ -= int(kept);
  if (hold.room != kNone && rooms_[hold.room].reserve != kNone) {
    holds_[rooms_[hold.room].reserve].seats += free;  // others of the room may draw them
  } else {
    give_up(hold, free);
  }
  // They may have come between two counts, and will yet show in the counter.
  if (slot.tells_accepted()) slot.released += absent;
}

// Entries are joined by tenths of a second, rounded up: later is safe, and there are few.
void PlacementLedger::settle(PlaceSlot& slot, Instant at, int seats, bool awaited) {
  constexpr Duration kTenth = 100ms;
  const Instant until{(at.time_since_epoch() / kTenth + 1) * kTenth};
  for (auto entry = slot.settling.rbegin(); entry != slot.settling.rend(); ++entry)
    if (entry->at == until && entry->awaited == awaited) {
      entry->seats += seats;
      return;
    }
  // An instance that is not counted any more: nothing is lost by waiting for the latest of them
  // all.
  if (slot.settling.size() >= 256) {
    slot.settling.back().at = std::max(slot.settling.back().at, until);
    slot.settling.back().seats += seats;
  } else {
    slot.settling.push_back({until, seats, awaited});
  }
}

// The counter tells of an arrival by ticket once: it has, as of one of whom no ticket was known; or
// it will; or it has as of somebody else's, whose seat stays held then. Which of the latter two
// nobody knows: both are provided for.
void PlacementLedger::settle_named(PlaceSlot& slot, const Hold& hold, Instant now) {
  if (slot.unnamed > 0) {
    --slot.unnamed;
  } else {
    ++slot.named;
    if (owed(slot, hold, 1, now) > 0) return;
  }
  settle(slot, now, 1);
}

bool PlacementLedger::expire(Instant now, int at_most) {
  for (; at_most > 0; --at_most) {
    const std::uint32_t index = holds_.next_due(now);
    if (index == kNone) return false;
    end_due(index, now);
  }
  return true;
}

void PlacementLedger::end_due(std::uint32_t index, Instant now) {
  Hold& hold = holds_[index];
  PlaceSlot& slot = slots_[hold.slot];
  if (hold.kind == Hold::Kind::reserve) {  // drawn by nobody, so nobody comes for them
    const std::uint32_t room = hold.room, slot_index = hold.slot;
    give_up(hold, hold.seats);
    forget(index);
    rooms_[room].reserve = kNone;
    touch(slot_index);
    return room_check(room);
  }
  const std::uint32_t absent = hold.seats - hold.arrived;
  if (const std::uint32_t rest = absent - owed(slot, hold, absent, hold.expires); rest > 0)
    settle(slot, hold.expires, int(rest));
  if (slot.accepted)
    slot.released += absent;  // they may have come just before, and will show in the counter
  if (hold.stranger) strangers_held_ -= int(absent);
  unlist(index);
  if (hold.room == kNone) return forget(index);

  PlaceRoom& room = rooms_[hold.room];
  if (--room.pending == 0) room_rest(hold.room, now);
  // Where nobody could count lately, silence says nothing of who has come.
  constexpr Duration kCountedLately = 5s;
  const bool is_counted = slot.counted_at && hold.expires - *slot.counted_at < kCountedLately;
  const bool tells = slot.tells_who() || (slot.tells_accepted() && is_counted);
  if (!tells || hold.arrived > 0) {
    if (tells) {
      room.drawn -= absent;
      hold.seats = hold.arrived;
    }
    hold.kind = Hold::Kind::arrived;
    if (log_) log_->arrived(holds_.number(index));
    return;
  }
  // By the counter alone it is not sure who came: the seat is free again, the key stays where it
  // is.
  room.maybe_live |= !slot.tells_who();
  room.drawn -= hold.seats;
  const std::uint32_t room_index = hold.room;
  if (log_) {
    log_->ended(holds_.number(index));
    if (room.maybe_live) room_log(room, *log_);
  }
  room_part(index);
  forget(index);
  room_check(room_index);
}

void PlacementLedger::end_arrived(std::uint32_t index, Instant now) {
  Hold& hold = holds_[index];
  unlist(index);
  if (hold.room == kNone) {
    if (log_) log_->ended(holds_.number(index));
    return forget(index);
  }
  holds_.unschedule(index);
  hold.kind = Hold::Kind::arrived;
  PlaceRoom& room = rooms_[hold.room];
  if (--room.pending == 0) room_rest(hold.room, now);
  if (log_) log_->arrived(holds_.number(index));
}

void PlacementLedger::end_released(std::uint32_t index, Instant now) {
  Hold& hold = holds_[index];
  const std::uint32_t slot_index = hold.slot, room_index = hold.room;
  PlaceRoom* const room = room_index == kNone ? nullptr : &rooms_[room_index];
  if (hold.kind == Hold::Kind::pending) {
    unlist(index);
    give_back(hold);
    if (room && --room->pending == 0) room_rest(room_index, now);
  }
  if (room) {
    room->drawn -= hold.seats;
    room_part(index);
  }
  forget(index);
  touch(slot_index);
  if (room) room_check(room_index);
}

}  // namespace utakata
