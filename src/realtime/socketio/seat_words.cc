#include "realtime/socketio/seat_words.h"

#include <utility>

#include "base/compact.h"

namespace utakata::realtime {
namespace {

// magic version kind from to number, then what the kind has; a seat's channels to the end, each
// with flags.
constexpr char kMagic = 'S', kVersion = 1;
constexpr std::uint8_t kHasMember = 1, kHasMissed = 2;

void put_seat(std::string& bytes, const HandedSeat& seat) {
  for (const std::string* text : {&seat.space, &seat.sid, &seat.pid, &seat.user, &seat.of_epoch})
    put_text(bytes, *text);
  put_number(bytes, seat.at_least);
  put_number(bytes, std::uint64_t(seat.away.count()));
  for (const HandedSubscription& each : seat.channels) {
    bytes += char((each.member ? kHasMember : 0) | (each.missed ? kHasMissed : 0));
    put_text(bytes, each.channel);
    if (each.member) put_text(bytes, each.member->user), put_text(bytes, each.member->info);
    if (each.missed) put_text(bytes, each.missed->epoch), put_number(bytes, each.missed->offset);
  }
}

std::string take_text(CompactSource& source) { return std::string(source.text()); }

bool take_seat(CompactSource& source, HandedSeat& seat) {
  for (std::string* text : {&seat.space, &seat.sid, &seat.pid, &seat.user, &seat.of_epoch})
    *text = take_text(source);
  seat.at_least = source.number();
  const std::uint64_t away = source.number();
  if (away > INT32_MAX) return false;
  seat.away = std::chrono::milliseconds(away);
  while (!source.left.empty() && !source.is_faulty) {
    const std::uint8_t flags = source.byte();
    if (flags > (kHasMember | kHasMissed)) return false;
    HandedSubscription& one = seat.channels.emplace_back(take_text(source));
    if (flags & kHasMember) {
      one.member.emplace(take_text(source));
      one.member->info = take_text(source);
    }
    if (flags & kHasMissed) {
      one.missed.emplace(take_text(source));
      one.missed->offset = source.number();
    }
  }
  return true;
}

}  // namespace

std::string seat_word_bytes(const SeatWord& word) {
  std::string bytes{kMagic, kVersion, char(word.kind)};
  put_text(bytes, word.from);
  put_text(bytes, word.to);
  put_number(bytes, word.number);
  switch (word.kind) {
    case SeatWord::Kind::ask:
      put_text(bytes, word.pid);
      put_text(bytes, word.space);
      if (word.offset) put_text(bytes, *word.offset);
      break;
    case SeatWord::Kind::seat:
      put_seat(bytes, word.seat);
      break;
    case SeatWord::Kind::lost:
      put_text(bytes, word.pid);
      break;
    case SeatWord::Kind::leaving:
    case SeatWord::Kind::ask_all:
      break;
  }
  return bytes;
}

std::optional<SeatWord> seat_word(std::string_view bytes) {
  CompactSource source{bytes};
  if (source.byte() != kMagic || source.byte() != kVersion) return std::nullopt;
  const std::uint8_t kind = source.byte();
  if (kind > std::uint8_t(SeatWord::Kind::ask_all)) return std::nullopt;
  SeatWord word{.kind = SeatWord::Kind(kind), .from = take_text(source)};
  word.to = take_text(source);
  word.number = source.number();
  switch (word.kind) {
    case SeatWord::Kind::ask:
      word.pid = take_text(source);
      word.space = take_text(source);
      if (!source.left.empty()) word.offset = take_text(source);
      break;
    case SeatWord::Kind::seat:
      if (!take_seat(source, word.seat)) return std::nullopt;
      break;
    case SeatWord::Kind::lost:
      word.pid = take_text(source);
      break;
    case SeatWord::Kind::leaving:
    case SeatWord::Kind::ask_all:
      break;
  }
  if (source.is_faulty || !source.left.empty()) return std::nullopt;
  return word;
}

}  // namespace utakata::realtime
