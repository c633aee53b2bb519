// The WebSocket parser: the same events for any chopping; and what it understood, written again, is
// understood the same, compressed as well where that was agreed. The first byte: our role, whether
// messages may be compressed, and the chopping's seed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "wire/deflate.h"
#include "wire/websocket.h"
#include "wire/websocket_handshake.h"

using namespace utakata;
using namespace utakata::wire;

namespace {

constexpr WebSocketLimits limits{.message_bytes = 4096};

struct Event {
  char kind;
  int code;
  std::string bytes;
  bool operator==(const Event&) const = default;
};

struct Heard : WebSocketSink {
  std::vector<Event> events;
  bool note(char kind, int code, std::string_view bytes) {
    events.push_back({kind, code, std::string(bytes)});
    return true;
  }
  bool message(WebSocketKind kind, std::string_view bytes) override {
    if (kind == WebSocketKind::text) check(is_utf8(bytes), "a text message is UTF-8");
    check(bytes.size() <= limits.message_bytes, "no message is larger than the limit");
    return note('m', int(kind), bytes);
  }
  bool ping(std::string_view bytes) override { return note('i', 0, bytes); }
  bool pong(std::string_view bytes) override { return note('o', 0, bytes); }
  bool close(std::uint16_t code, std::string_view reason) override {
    return note('c', code, reason);
  }
};

template <class NextSize>
std::vector<Event> fed(WebSocketRole role, Inflater* inflater, std::string_view bytes,
                       NextSize next_size) {
  WebSocketParser parser(role, limits);
  Heard heard;
  std::optional<WebSocketFailure> failure;
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(next_size(), bytes.size());
    const std::vector<char> piece(bytes.begin(),
                                  bytes.begin() + long(size));  // ends where its memory ends
    failure = parser.feed({piece.data(), piece.size()}, heard, inflater);
    bytes.remove_prefix(size);
  }
  if (failure) heard.events.push_back({'f', failure->code, failure->why});
  return heard.events;
}

std::string written(const std::vector<Event>& events, std::optional<WebSocketMask> mask,
                    Deflater* deflater) {
  std::string out;
  for (const auto& event : events) switch (event.kind) {
      case 'm':
        if (const auto small = deflater ? deflater->deflate(event.bytes) : std::nullopt)
          append_compressed_message(out, WebSocketKind(event.code), *small, mask);
        else
          append_message(out, WebSocketKind(event.code), event.bytes, mask);
        break;
      case 'i':
        append_ping(out, event.bytes, mask);
        break;
      case 'o':
        append_pong(out, event.bytes, mask);
        break;
      case 'c':
        append_close(out, std::uint16_t(event.code), event.bytes, mask);
        break;
    }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto role = data[0] & 1 ? WebSocketRole::server : WebSocketRole::client;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  static Inflater shared_inflater;
  static Deflater deflater({.least_bytes = 0});
  Inflater* const inflater = data[0] & 2 ? &shared_inflater : nullptr;
  Random random(data[0]);

  const auto whole = fed(role, inflater, bytes, [&] { return bytes.size(); });
  check(whole == fed(role, inflater, bytes, [] { return 1; }),
        "byte by byte gives the same events");
  check(whole == fed(role, inflater, bytes, [&] { return 1 + random.below(17); }),
        "chopped gives the same events");

  auto understood = whole;
  if (!understood.empty() && understood.back().kind == 'f') understood.pop_back();
  const auto mask =
      role == WebSocketRole::server ? std::optional(WebSocketMask{1, 2, 3, data[0]}) : std::nullopt;
  const auto again = written(understood, mask, inflater ? &deflater : nullptr);
  check(understood == fed(role, inflater, again, [&] { return again.size(); }),
        "written again it is read the same");

  if (const auto agreed = agree_to_deflate(bytes)) {
    check(agree_to_deflate(agreed->answer)->answer == agreed->answer, "an answer is a good offer");
    check(accept_deflate(agreed->answer).has_value(), "an answer of ours is accepted");
  }
  if (const auto accepted = accept_deflate(bytes))
    check(accepted->window_bits >= 8 && accepted->window_bits <= 15, "a window as RFC 7692 has it");
  std::optional<DeflateAgreement> deflate;
  (void)read_websocket_answer(bytes, "dGhlIHNhbXBsZSBub25jZQ==");
  (void)read_websocket_answer(bytes, "dGhlIHNhbXBsZSBub25jZQ==", &deflate);
  return 0;
}
