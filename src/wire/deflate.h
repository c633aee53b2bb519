// permessage-deflate (RFC 7692), without a socket: what is agreed on, and messages made small and
// whole again.
//
// Nothing is kept from one message to the next, in either direction: what was compressed once may
// go to many, and a connection costs no memory. One Deflater and one Inflater serve all of a
// thread's connections.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::wire {

struct DeflateAgreement {
  int window_bits;     // 8 to 15: who is sent to keeps the last 2^bits bytes of a message, no more
  std::string answer;  // of Sec-WebSocket-Extensions: the server's
};
// Server. To a request's Sec-WebSocket-Extensions: its first offer that can be kept to. None: there
// is none such, or the header is broken; the connection is opened without.
std::optional<DeflateAgreement> agree_to_deflate(std::string_view offers);

// Client: what is offered, and what an answer to it means. None: it is no answer to this offer, so
// that the connection must fail; also where the server would keep what it has sent.
inline constexpr std::string_view deflate_offer =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
    "client_max_window_bits";
std::optional<DeflateAgreement> accept_deflate(std::string_view answer);

// How far back a compressed message can refer, as a window: what its reader needs at least.
std::uint8_t deflate_window_bits(std::size_t message_bytes);

struct DeflateSettings {
  int level = 1;                  // of zlib, 1 to 9: higher ones take longer and save little more
  std::size_t least_bytes = 128;  // smaller messages stay as they are
};

class Deflater {  // holds about 160 KB
 public:
  explicit Deflater(const DeflateSettings& settings = {});
  ~Deflater();
  // The payload of a message whose first frame says that it is compressed; valid until the next
  // call. None: the message stays as it is, too small or none the smaller for it.
  std::optional<std::string_view> deflate(std::string_view message);

 private:
  struct Stream;
  const DeflateSettings settings_;
  std::unique_ptr<Stream> stream_;
  std::string buffer_;
};

class Inflater {  // holds about 60 KB
 public:
  enum class Outcome { whole, too_big, broken };
  Inflater();
  ~Inflater();
  // Appends to `out` what a compressed message holds, and stops at one byte above `bytes_max`. Of
  // what is not whole a part may be in `out`.
  Outcome inflate(std::string_view payload, std::size_t bytes_max, std::string& out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace utakata::wire
