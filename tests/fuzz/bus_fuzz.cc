// What may come over a bus, from whomever: the first byte of the input says which kind. What is
// read is written as it was, or as something that is read the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "realtime/app/word.h"
#include "realtime/host/envelope.h"
#include "realtime/redis/envelope.h"
#include "realtime/roster/words.h"
#include "realtime/socketio/node_cluster.h"
#include "realtime/socketio/seat_words.h"

namespace {

using namespace utakata;
using namespace utakata::realtime;

void must(bool holds) {
  if (!holds) std::abort();
}

void word(std::string_view bytes) {
  const auto word = app_word(bytes);
  if (word) must(app_word_bytes(*word).size() <= bytes.size());
}

void redis(std::string_view bytes) {
  const auto envelope = redis_envelope(bytes);
  if (envelope) must(redis_envelope_bytes(*envelope) == bytes);
}

void roster(std::string_view bytes) {
  const auto word = read_roster_word(bytes);
  if (!word) return;
  RosterEntries entries;
  for (const RosterEntry& entry : word->entries) entries.add(entry);
  for (const std::string& text : entries.take())
    must(read_roster_word(write_roster_word(*word, text)).has_value() ||
         write_roster_word(*word, text).size() > roster_body_bytes_max);
}

// Datagrams, each with its length in front.
void host(std::string_view bytes) {
  EnvelopeReader reader;
  while (bytes.size() > 2) {
    const std::size_t size =
        static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]);
    bytes.remove_prefix(2);
    const std::string datagram(bytes.substr(0, size));
    bytes.remove_prefix(datagram.size());
    reader.feed(datagram);
    while (reader.next());
  }
}

void node(std::string_view bytes) {
  if (const auto broadcast = node_broadcast(bytes)) {
    const auto again = node_bytes(*broadcast);
    must(again.has_value() && node_broadcast(*again).has_value());
  }
  (void)node_request(bytes);
  (void)node_question(bytes);
}

void seat(std::string_view bytes) {
  if (const auto word = seat_word(bytes)) must(seat_word(seat_word_bytes(*word)) == word);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      word(bytes);
      break;
    case 1:
      redis(bytes);
      break;
    case 2:
      roster(bytes);
      break;
    case 3:
      host(bytes);
      break;
    case 4:
      node(bytes);
      break;
    default:
      seat(bytes);
  }
  return 0;
}
