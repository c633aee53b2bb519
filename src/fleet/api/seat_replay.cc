#include "fleet/api/seat_replay.h"

#include <algorithm>

namespace utakata::seats {
namespace {

template <class Payload>
Payload payload_of(std::string_view bytes) {
  Payload payload{};
  std::memcpy(&payload, bytes.data(), std::min(bytes.size(), sizeof payload));
  return payload;
}

template <class Payload>
std::string_view text_of(std::string_view bytes, std::uint32_t text_bytes) {
  return bytes.substr(std::min(bytes.size(), sizeof(Payload))).substr(0, text_bytes);
}

Instant instant(std::int64_t ns) { return Instant{Duration{ns}}; }

}  // namespace

bool SeatRecord::read(std::string_view segment, std::uint64_t sequence) {
  if (next + sizeof head > segment.size()) return false;
  std::memcpy(&head, segment.data() + next, sizeof head);
  const std::size_t bytes = head.words * std::size_t{8};
  if (head.words == 0 || next + bytes > segment.size()) return false;
  payload = segment.substr(next + sizeof head, bytes - sizeof head);
  if (record_check(sequence, std::uint32_t(next), head, payload.data()) != head.check) return false;
  next += bytes;
  return true;
}

void SeatReplay::begin_segment(std::uint64_t sequence) {
  sequence_ = sequence;
  logs_.clear();
}

PlaceLog* SeatReplay::log(const SeatRecord& record) {
  const auto found = logs_.find(record.head.cluster);
  return found == logs_.end() ? nullptr : found->second;
}

void SeatReplay::survey(const SeatRecord& record) {
  if (record.head.kind == Kind::cluster) {
    const auto named = payload_of<TextPayload>(record.payload);
    logs_[record.head.cluster] = of_(text_of<TextPayload>(record.payload, named.text_bytes));
  } else if (record.head.kind == Kind::snapshot) {
    snapshot_ = std::max(snapshot_, payload_of<std::uint64_t>(record.payload));
  } else if (PlaceLog* const to = log(record); to && record.head.kind == Kind::instance) {
    const auto named = payload_of<TextPayload>(record.payload);
    to->instance(named.number, text_of<TextPayload>(record.payload, named.text_bytes));
  }
}

void SeatReplay::tell(const SeatRecord& record) {
  if (record.head.kind == Kind::cluster) return survey(record);
  PlaceLog* const to = log(record);
  if (!to) return;
  const bool is_older = sequence_ < snapshot_;
  switch (record.head.kind) {
    case Kind::granted:
      return tell_granted(*to, record.payload);
    case Kind::ended:
      return to->ended(payload_of<std::uint64_t>(record.payload));
    case Kind::arrived:
      return is_older ? void() : to->arrived(payload_of<std::uint64_t>(record.payload));
    case Kind::key_bound:
      return is_older ? void() : tell_key(*to, record.payload);
    case Kind::key_ended:
      return is_older ? void() : to->key_ended(payload_of<std::uint32_t>(record.payload));
    case Kind::cluster:
    case Kind::instance:
    case Kind::snapshot:
      return;
  }
}

void SeatReplay::tell_granted(PlaceLog& log, std::string_view bytes) {
  const auto hold = payload_of<GrantedPayload>(bytes);
  // Two seconds: a hold that has just expired is to be seen by a count before its seats are free.
  const bool counts = hold.room == 0 && instant(hold.expires) > now_ - 2s;
  if (sequence_ < snapshot_ && !counts) return;
  if (hold.seats == 0 || hold.seats > 65'535) return;
  log.granted({.number = hold.number,
               .granted = instant(hold.granted),
               .expires = instant(hold.expires),
               .instance = hold.instance,
               .room = hold.room,
               .seats = hold.seats,
               .stranger = (hold.flags & 1) != 0,
               .arrived = (hold.flags & 2) != 0,
               .retold = (hold.flags & 4) != 0});
}

void SeatReplay::tell_key(PlaceLog& log, std::string_view bytes) {
  const auto room = payload_of<RoomPayload>(bytes);
  log.key_bound({.number = room.number,
                 .instance = room.instance,
                 .total = room.total,
                 .reserved = room.reserved,
                 .reserved_until = instant(room.reserved_until),
                 .stranger = (room.flags & 1) != 0,
                 .maybe_live = (room.flags & 2) != 0},
                text_of<RoomPayload>(bytes, room.text_bytes));
}

}  // namespace utakata::seats
