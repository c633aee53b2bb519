// A ledger rebuilt from what an earlier life logged.
#include <algorithm>
#include <utility>

#include "fleet/plan/place.h"

namespace utakata {

class PlacementLedger::Replay final : public PlaceLog {
 public:
  Replay(PlacementLedger& ledger, Instant now) : ledger_(ledger), now_(now) {}

  // Only now are the reserves of rooms entered in the table: they have no number that the log could
  // name.
  ~Replay() override {
    ledger_.holds_.finish_replay();
    ledger_.is_rate_unknown_ = true;
    for (PlaceSlot& slot : ledger_.slots_) ledger_.sort_pending(slot);
    for (const auto& [number, known] : rooms_) {
      if (known.reserved > 0) {
        if (ledger_.rooms_[known.index].stranger) ledger_.strangers_held_ -= int(known.reserved);
        ledger_.room_reserve(known.index, known.reserved, known.reserved_until, now_);
      }
      ledger_.room_check(known.index);
    }
  }

  void instance(std::uint32_t number, std::string_view id) override {
    const std::uint32_t slot = ledger_.slot_make(id);
    ledger_.slots_[slot].number = number;
    ledger_.slot_number_ = std::max(ledger_.slot_number_, number);
    slots_[number] = slot;
  }

  void key_bound(const RoomRecord& record, std::string_view key) override {
    const auto slot = slots_.find(record.instance);
    if (slot == slots_.end()) return;
    auto known = rooms_.find(record.number);
    if (known == rooms_.end()) {
      if (const std::uint32_t old = ledger_.rooms_.find(key); old != kNone)
        key_ended(ledger_.rooms_[old].number);
      const std::uint32_t index = ledger_.room_make(key, slot->second, record.total, now_);
      ledger_.rooms_[index].number = record.number;
      ledger_.rooms_[index].stranger = record.stranger;
      ledger_.room_number_ = std::max(ledger_.room_number_, record.number);
      known = rooms_.emplace(record.number, Known{index, 0, {}}).first;
    }
    PlaceRoom& room = ledger_.rooms_[known->second.index];
    room.maybe_live = record.maybe_live;
    hold_seats(room.slot, room.stranger, int(record.reserved) - int(known->second.reserved));
    known->second.reserved = record.reserved;
    known->second.reserved_until = record.reserved_until;
  }

  void granted(const HoldRecord& record) override {
    const auto slot = slots_.find(record.instance);
    if (slot == slots_.end() || ledger_.holds_.find(record.number) != kNone) return;
    Known* const room = known_room(record.room);
    if (record.room != 0 && !room) return;  // it has ended, or is yet to be retold with its room
    // Who was there before has expired since, which is not logged.
    if (const std::uint32_t before = ledger_.holds_.occupant(record.number); before != kNone)
      expired(before);
    if (!ledger_.holds_.make_at(record.number)) return;
    const std::uint32_t index = ledger_.holds_.find(record.number);
    Hold& hold = ledger_.holds_[index];
    hold.granted = record.granted;
    hold.expires = record.expires;
    hold.slot = slot->second;
    hold.seats = record.seats;
    hold.stranger = record.stranger;
    hold.kind = record.arrived ? Hold::Kind::arrived : Hold::Kind::pending;
    hold.arrived = record.arrived ? std::uint16_t(record.seats) : std::uint16_t{0};
    if (room) {
      ledger_.room_join(room->index, index);
      ledger_.rooms_[room->index].drawn += hold.seats;
    }
    if (record.arrived) {
      if (!room) ledger_.forget(index);
      return;
    }
    ledger_.enlist(index);
    ledger_.holds_.schedule(index, now_);
    std::uint32_t beyond = hold.seats;
    if (room && !record.retold) {
      // Nobody drew the rest in time, which is not logged: others may have it.
      if (room->reserved_until <= record.granted)
        hold_seats(hold.slot, hold.stranger, -int(std::exchange(room->reserved, 0)));
      const std::uint32_t drawn = std::min(hold.seats, room->reserved);
      room->reserved -= drawn;
      room->reserved_until = std::max(room->reserved_until, record.expires);
      beyond -= drawn;
    }
    hold_seats(hold.slot, hold.stranger, int(beyond));
  }

  void ended(std::uint64_t placement) override {
    if (const std::uint32_t index = ledger_.holds_.find(placement); index != kNone) end(index);
  }

  void arrived(std::uint64_t placement) override {
    const std::uint32_t index = ledger_.holds_.find(placement);
    if (index == kNone || ledger_.holds_[index].kind != Hold::Kind::pending) return;
    Hold& hold = ledger_.holds_[index];
    hold_seats(hold.slot, hold.stranger, -int(hold.seats));
    hold.arrived = std::uint16_t(hold.seats);
    ledger_.end_arrived(index, now_);
  }

  void key_ended(std::uint32_t number) override {
    const auto known = rooms_.find(number);
    if (known == rooms_.end()) return;
    const PlaceRoom& room = ledger_.rooms_[known->second.index];
    hold_seats(room.slot, room.stranger, -int(known->second.reserved));
    ledger_.room_end(known->second.index);
    rooms_.erase(known);
  }

 private:
  struct Known {
    std::uint32_t index = 0;
    std::uint32_t reserved = 0;
    Instant reserved_until{};
  };

  Known* known_room(std::uint32_t number) {
    const auto known = rooms_.find(number);
    return number == 0 || known == rooms_.end() ? nullptr : &known->second;
  }

  void hold_seats(std::uint32_t slot, bool stranger, int seats) {
    ledger_.slots_[slot].held += seats;
    if (stranger) ledger_.strangers_held_ += seats;
  }

  void expired(std::uint32_t index) {
    ledger_.holds_.unschedule(index);
    if (ledger_.holds_[index].kind == Hold::Kind::pending)
      ledger_.end_due(index, now_);
    else
      end(index);
    if (ledger_.holds_[index].serial != 0) end(index);  // taken to be in its room; its name is gone
  }

  // Released, or arrived: whichever, a count that this life takes knows it.
  void end(std::uint32_t index) {
    Hold& hold = ledger_.holds_[index];
    PlaceRoom* const room = hold.room == kNone ? nullptr : &ledger_.rooms_[hold.room];
    if (hold.kind == Hold::Kind::pending) {
      ledger_.unlist(index);
      Known* const known = room ? known_room(room->number) : nullptr;
      // Into the reserve as long as there is one: drawn to the last, it is no more.
      if (known && known->reserved > 0 && known->reserved_until > now_)
        known->reserved += hold.seats;
      else
        hold_seats(hold.slot, hold.stranger, -int(hold.seats));
      if (room && --room->pending == 0) ledger_.room_rest(hold.room, now_);
    }
    if (room) {
      room->drawn -= hold.seats;
      ledger_.room_part(index);
    }
    ledger_.forget(index);
  }

  PlacementLedger& ledger_;
  const Instant now_;
  std::unordered_map<std::uint32_t, std::uint32_t> slots_;
  std::unordered_map<std::uint32_t, Known> rooms_;
};

std::unique_ptr<PlaceLog> PlacementLedger::replay(Instant now) {
  return std::make_unique<Replay>(*this, now);
}

// Rooms are told in any order: whose turn it is to arrive is by age.
void PlacementLedger::sort_pending(PlaceSlot& slot) {
  std::vector<std::uint32_t> holds;
  for (std::uint32_t hold = slot.oldest; hold != kNone; hold = holds_[hold].newer)
    holds.push_back(hold);
  const auto age = [&](std::uint32_t hold) { return holds_[hold].granted; };
  if (std::ranges::is_sorted(holds, {}, age)) return;
  std::ranges::stable_sort(holds, {}, age);
  for (const std::uint32_t hold : holds) unlist(hold);
  for (const std::uint32_t hold : holds) enlist(hold);
}

void PlacementLedger::dump(PlaceLog& to) const {
  Telling telling;
  while (tell(to, telling, 10'000)) continue;
}

// What was made meanwhile was logged when it was made: told twice or not at all, it is the same.
bool PlacementLedger::tell(PlaceLog& to, Telling& telling, int work) const {
  if (!std::exchange(telling.has_begun, true)) tell_instances(to);
  for (; telling.room < rooms_.size(); ++telling.room) {
    if (work <= 0) return true;
    if (rooms_[telling.room].number != 0) work -= tell_room(rooms_[telling.room], to);
    --work;  // a free entry is looked at, too
  }
  for (; !telling.rooms_only && telling.hold < holds_.size(); ++telling.hold) {
    if (work <= 0) return true;
    const Hold& hold = holds_[telling.hold];
    if (hold.serial != 0 && hold.room == kNone && hold.kind == Hold::Kind::pending)
      tell_hold(telling.hold, to), --work;
    --work;
  }
  return false;
}

void PlacementLedger::tell_instances(PlaceLog& to) const {
  for (const PlaceSlot& slot : slots_)
    if (slot.number != 0) to.instance(slot.number, slot.identity->id.text);
}

int PlacementLedger::tell_room(const PlaceRoom& room, PlaceLog& to) const {
  int told = 1;
  room_log(room, to);
  for (std::uint32_t draw = room.draws; draw != kNone; draw = holds_[draw].draw_after, ++told)
    tell_hold(draw, to);
  return told;
}

void PlacementLedger::tell_hold(std::uint32_t index, PlaceLog& to) const {
  const Hold& hold = holds_[index];
  to.granted({.number = holds_.number(index),
              .granted = hold.granted,
              .expires = hold.expires,
              .instance = slots_[hold.slot].number,
              .room = hold.room == kNone ? 0 : rooms_[hold.room].number,
              .seats = hold.seats,
              .stranger = hold.stranger,
              .arrived = hold.kind == Hold::Kind::arrived,
              .retold = true});
}

}  // namespace utakata
