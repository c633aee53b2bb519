// Rooms: keys bound to an instance, their reserve and their placements.
#include <algorithm>

#include "fleet/plan/place.h"

namespace utakata {

std::uint32_t PlacementLedger::room_make(std::string_view key, std::uint32_t slot_index,
                                         std::uint32_t total, Instant now) {
  PlaceSlot& slot = slots_[slot_index];
  // Rooms with somebody in them cannot be more than clients fit; those of an app that never
  // releases keys can.
  if (slot.keys > 4 * std::int64_t{view_.capacity} + 64) {
    const PlaceRoom& idle = rooms_[slot.room_last];
    if (idle.pending == 0 && idle.reserve == kNone) room_end(slot.room_last);
  }
  const std::uint32_t index = rooms_.make(key);
  PlaceRoom& room = rooms_[index];
  room.number = ++room_number_;
  room.slot = slot_index;
  room.total = total;
  room.asked = now;
  ++slot.keys;
  room.after = slot.room_first;
  (slot.room_first == kNone ? slot.room_last : rooms_[slot.room_first].before) = index;
  slot.room_first = index;
  room_rest(index, now);
  return index;
}

void PlacementLedger::room_reserve(std::uint32_t room_index, std::uint32_t seats, Instant until,
                                   Instant now) {
  PlaceRoom& room = rooms_[room_index];
  room.reserve = holds_.make();
  Hold& hold = holds_[room.reserve];
  hold.kind = Hold::Kind::reserve;
  hold.granted = now;
  hold.expires = until;
  hold.slot = room.slot;
  hold.room = room_index;
  hold.seats = seats;
  hold.stranger = room.stranger;
  if (room.stranger) strangers_held_ += int(seats);
  holds_.schedule(room.reserve, now);
}

void PlacementLedger::room_unlink(PlaceRoom& room) {
  PlaceSlot& slot = slots_[room.slot];
  (room.before == kNone ? slot.room_first : rooms_[room.before].after) = room.after;
  (room.after == kNone ? slot.room_last : rooms_[room.after].before) = room.before;
  room.before = room.after = kNone;
}

// `now` never goes back, so the list is in the order of `quiet_since`.
void PlacementLedger::room_rest(std::uint32_t index, Instant now) {
  PlaceRoom& room = rooms_[index];
  PlaceSlot& slot = slots_[room.slot];
  room.quiet_since = now;
  room.is_quiet = true;
  room.quiet_before = slot.quiet_last;
  (slot.quiet_last == kNone ? slot.quiet_first : rooms_[slot.quiet_last].quiet_after) = index;
  slot.quiet_last = index;
}

void PlacementLedger::room_wake(PlaceRoom& room) {
  if (!std::exchange(room.is_quiet, false)) return;
  PlaceSlot& slot = slots_[room.slot];
  (room.quiet_before == kNone ? slot.quiet_first : rooms_[room.quiet_before].quiet_after) =
      room.quiet_after;
  (room.quiet_after == kNone ? slot.quiet_last : rooms_[room.quiet_after].quiet_before) =
      room.quiet_before;
  room.quiet_before = room.quiet_after = kNone;
}

void PlacementLedger::room_asked(std::uint32_t index, Instant now) {
  PlaceRoom& room = rooms_[index];
  room.asked = now;
  PlaceSlot& slot = slots_[room.slot];
  if (slot.room_first == index) return;
  room_unlink(room);
  room.after = slot.room_first;
  rooms_[slot.room_first].before = index;
  slot.room_first = index;
}

void PlacementLedger::room_join(std::uint32_t room_index, std::uint32_t index) {
  PlaceRoom& room = rooms_[room_index];
  Hold& hold = holds_[index];
  hold.room = room_index;
  hold.draw_after = room.draws;
  if (room.draws != kNone) holds_[room.draws].draw_before = index;
  room.draws = index;
  if (hold.kind == Hold::Kind::pending && room.pending++ == 0) room_wake(room);
}

void PlacementLedger::room_part(std::uint32_t index) {
  Hold& hold = holds_[index];
  (hold.draw_before == kNone ? rooms_[hold.room].draws : holds_[hold.draw_before].draw_after) =
      hold.draw_after;
  if (hold.draw_after != kNone) holds_[hold.draw_after].draw_before = hold.draw_before;
  hold.draw_before = hold.draw_after = kNone;
}

void PlacementLedger::room_check(std::uint32_t index) {
  const PlaceRoom& room = rooms_[index];
  if (room.drawn == 0 && room.reserve == kNone && !room.maybe_live) room_end(index);
}

void PlacementLedger::room_end(std::uint32_t index) {
  PlaceRoom& room = rooms_[index];
  if (log_) log_->key_ended(room.number);
  while (room.draws != kNone) {
    const std::uint32_t draw = room.draws;
    Hold& hold = holds_[draw];
    if (hold.kind == Hold::Kind::pending) {
      unlist(draw);
      give_back(hold);
    }
    room_part(draw);
    forget(draw);
  }
  if (room.reserve != kNone) {
    give_up(holds_[room.reserve], holds_[room.reserve].seats);
    forget(room.reserve);
  }
  const std::uint32_t slot = room.slot;
  room_unlink(room);
  room_wake(room);
  --slots_[slot].keys;
  rooms_.free(index);
  touch(slot);
}

// Where the instance has counted nobody, twice, since a room's last caller could have come, whoever
// came has left.
int PlacementLedger::room_sweep(std::uint32_t slot_index, Instant now) {
  const PlaceSlot& slot = slots_[slot_index];
  while (slot.room_last != kNone) {  // the longest unasked
    const PlaceRoom& room = rooms_[slot.room_last];
    if (room.asked + options_.key_idle >= now || room.pending > 0 || room.reserve != kNone) break;
    room_end(slot.room_last);
  }
  if (slot.zeros < 2) return 0;  // with clients there, nothing is known of any one room
  // Somebody was counted for another, who has given his seat back since: he may yet come.
  if (std::ranges::any_of(slot.settling,
                          [](const auto& one) { return one.awaited && one.seats > 0; }))
    return 0;
  int swept = 0;
  for (; slot.quiet_first != kNone; ++swept) {
    const std::uint32_t index = slot.quiet_first;
    PlaceRoom& room = rooms_[index];
    if (room.quiet_since >= slot.zero_before - options_.count_lag) break;
    room_wake(room);
    while (room.draws != kNone) {
      const std::uint32_t draw = room.draws;
      if (log_) log_->ended(holds_.number(draw));
      room_part(draw);
      forget(draw);
    }
    room.drawn = 0;
    if (std::exchange(room.maybe_live, false) && log_ && room.reserve != kNone)
      room_log(room, *log_);
    room_check(index);
  }
  return swept;
}

void PlacementLedger::room_log(const PlaceRoom& room, PlaceLog& to) const {
  RoomRecord record{.number = room.number,
                    .instance = slots_[room.slot].number,
                    .total = room.total,
                    .stranger = room.stranger,
                    .maybe_live = room.maybe_live};
  if (room.reserve != kNone) {
    record.reserved = holds_[room.reserve].seats;
    record.reserved_until = holds_[room.reserve].expires;
  }
  to.key_bound(record, room.key);
}

}  // namespace utakata
