#include "fleet/api/ledger_stream.h"

#include <utility>

namespace utakata {

enum class LedgerRecord : std::uint8_t {
  head = 1,
  instance,
  granted,
  ended,
  arrived,
  key_bound,
  key_ended,
  whole,
  end
};

namespace {

using Kind = LedgerRecord;

constexpr std::size_t length_bytes = 4;  // of a record without them, the lowest first
constexpr std::size_t record_bytes_max = 64 * 1024;

std::int64_t count_of(Instant at) { return at.time_since_epoch().count(); }

// The record at `at`, and where the next one lies; nothing: it is not whole yet.
struct Framed {
  std::string_view record;
  std::size_t next = 0;
  bool is_too_large = false;
};
Framed record_at(std::string_view bytes, std::size_t at) {
  if (bytes.size() - at < length_bytes) return {};
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;)
    length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
  if (length == 0 || length > record_bytes_max) return {.is_too_large = true};
  if (bytes.size() - at - length_bytes < length) return {};
  return {bytes.substr(at + length_bytes, length), at + length_bytes + length};
}

void tell_granted(ByteReader& reader, Duration ahead, PlaceLog& to) {
  HoldRecord hold;
  hold.number = reader.number();
  hold.granted = Instant{Duration{reader.signed_number()}} + ahead;
  hold.expires = Instant{Duration{reader.signed_number()}} + ahead;
  hold.instance = std::uint32_t(reader.number());
  hold.room = std::uint32_t(reader.number());
  hold.seats = std::uint32_t(reader.number());
  const std::uint8_t flags = reader.byte();
  hold.stranger = flags & 1, hold.arrived = flags & 2, hold.retold = flags & 4;
  if (reader.is_good()) to.granted(hold);
}

void tell_room(ByteReader& reader, Duration ahead, PlaceLog& to) {
  RoomRecord room;
  room.number = std::uint32_t(reader.number());
  room.instance = std::uint32_t(reader.number());
  room.total = std::uint32_t(reader.number());
  room.reserved = std::uint32_t(reader.number());
  room.reserved_until = Instant{Duration{reader.signed_number()}} + ahead;
  const std::uint8_t flags = reader.byte();
  room.stranger = flags & 1, room.maybe_live = flags & 2;
  const std::string key = reader.text();
  if (reader.is_good()) to.key_bound(room, key);
}

}  // namespace

void LedgerWriter::begin(LedgerRecord kind) {
  record_.clear();
  record_.byte(std::uint8_t(kind));
}

void LedgerWriter::out() {
  const std::string_view record = record_.bytes();
  framed_.clear();
  for (std::size_t i = 0; i < length_bytes; ++i) framed_ += char(record.size() >> 8 * i & 0xff);
  out_(framed_.append(record));
}

void LedgerWriter::head(std::int64_t tenure, Instant now) {
  begin(Kind::head);
  record_.signed_number(tenure);
  record_.signed_number(count_of(now));
  out();
}

void LedgerWriter::whole() {
  begin(Kind::whole);
  out();
}

void LedgerWriter::end() {
  begin(Kind::end);
  out();
}

void LedgerWriter::instance(std::uint32_t number, std::string_view id) {
  begin(Kind::instance);
  record_.number(number);
  record_.text(id);
  out();
}

void LedgerWriter::granted(const HoldRecord& hold) {
  begin(Kind::granted);
  record_.number(hold.number);
  record_.signed_number(count_of(hold.granted));
  record_.signed_number(count_of(hold.expires));
  record_.number(hold.instance);
  record_.number(hold.room);
  record_.number(hold.seats);
  record_.byte(
      std::uint8_t((hold.stranger ? 1 : 0) | (hold.arrived ? 2 : 0) | (hold.retold ? 4 : 0)));
  out();
}

void LedgerWriter::ended(std::uint64_t placement) {
  begin(Kind::ended);
  record_.number(placement);
  out();
}

void LedgerWriter::arrived(std::uint64_t placement) {
  begin(Kind::arrived);
  record_.number(placement);
  out();
}

void LedgerWriter::key_bound(const RoomRecord& room, std::string_view key) {
  begin(Kind::key_bound);
  record_.number(room.number);
  record_.number(room.instance);
  record_.number(room.total);
  record_.number(room.reserved);
  record_.signed_number(count_of(room.reserved_until));
  record_.byte(std::uint8_t((room.stranger ? 1 : 0) | (room.maybe_live ? 2 : 0)));
  record_.text(key);
  out();
}

void LedgerWriter::key_ended(std::uint32_t room) {
  begin(Kind::key_ended);
  record_.number(room);
  out();
}

void LedgerCopy::feed(std::string_view bytes, Instant now) {
  if (is_broken_) return;
  bytes_.append(bytes);
  for (;;) {
    const Framed at = record_at(bytes_, read_);
    is_broken_ = at.is_too_large;
    if (is_broken_ || at.record.empty()) return;
    ByteReader reader(at.record);
    const auto kind = Kind(reader.byte());
    if (kind == Kind::head && !has_head_) {
      tenure_ = reader.signed_number();
      ahead_ = now - Instant{Duration{reader.signed_number()}};
      has_head_ = reader.is_good();
    }
    is_broken_ = !has_head_;
    is_whole_ |= kind == Kind::whole;
    has_ended_ |= kind == Kind::end;
    read_ = at.next;
  }
}

void LedgerCopy::replay(PlaceLog& to) const {
  for (std::size_t at = 0; at < read_;) {
    const Framed framed = record_at(bytes_, at);
    at = framed.next;
    ByteReader reader(framed.record);
    switch (Kind(reader.byte())) {
      case Kind::instance: {
        const auto number = std::uint32_t(reader.number());
        const std::string id = reader.text();
        if (reader.is_good()) to.instance(number, id);
        break;
      }
      case Kind::granted:
        tell_granted(reader, ahead_, to);
        break;
      case Kind::ended:
      case Kind::arrived: {
        const std::uint64_t placement = reader.number();
        if (!reader.is_good()) break;
        framed.record[0] == char(Kind::ended) ? to.ended(placement) : to.arrived(placement);
        break;
      }
      case Kind::key_bound:
        tell_room(reader, ahead_, to);
        break;
      case Kind::key_ended:
        if (const auto room = std::uint32_t(reader.number()); reader.is_good()) to.key_ended(room);
        break;
      case Kind::head:
      case Kind::whole:
      case Kind::end:
        break;
    }
  }
}

}  // namespace utakata
