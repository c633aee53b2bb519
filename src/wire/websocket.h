// WebSocket frames (RFC 6455), without a socket: bytes in, events out; messages in, bytes out. The
// one extension is permessage-deflate (RFC 7692), where both sides have agreed to it.
//
// The events are the same however the input is cut into pieces. Memory is bounded by
// WebSocketLimits.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/deflate.h"
#include "wire/utf8.h"

namespace utakata::wire {

enum class WebSocketRole {
  server,
  client
};  // who *we* are: clients mask what they send, servers refuse what is not

enum class WebSocketKind { text, binary };

// Status codes of RFC 6455 section 7.4.1 that we send ourselves.
namespace websocket_code {
constexpr std::uint16_t normal = 1000, going_away = 1001, protocol_error = 1002, not_utf8 = 1007,
                        policy = 1008, too_big = 1009, our_fault = 1011, try_again_later = 1013;
constexpr std::uint16_t none_given = 1005, cut = 1006;  // never on the wire
}  // namespace websocket_code

bool may_be_sent(std::uint16_t close_code);  // RFC 6455 section 7.4.2 and the IANA registry:
                                             // 1000-1003, 1007-1014, 3000-4999

// Views are valid during the call. Each returns false to have nothing more read: the parser touches
// itself no more and may have been destroyed.
class WebSocketSink {
 public:
  virtual ~WebSocketSink() = default;
  virtual bool message(WebSocketKind kind,
                       std::string_view payload) = 0;  // whole; text is valid UTF-8
  virtual bool ping(std::string_view payload) = 0;     // answer with a pong of the same payload
  virtual bool pong(std::string_view payload) = 0;
  virtual bool close(std::uint16_t code,
                     std::string_view reason) = 0;  // 1005: none was given. The last event.
};

struct WebSocketLimits {
  // Of one message, all its fragments together; of a compressed one, both as it came and inflated.
  std::size_t message_bytes = 1024 * 1024;
};

struct WebSocketFailure {
  std::uint16_t code;  // to close with
  const char* why;     // a sentence for the record
};

class WebSocketParser {
 public:
  explicit WebSocketParser(WebSocketRole role, WebSocketLimits limits = {});
  // None: all bytes are taken (an unfinished frame is kept) or the sink wanted no more. After a
  // failure nothing is read and the same failure is returned; after a close frame what follows is
  // ignored (RFC 6455 section 5.5.1). With an inflater messages may be compressed: the same
  // choice at each call.
  std::optional<WebSocketFailure> feed(std::string_view bytes, WebSocketSink& sink,
                                       Inflater* inflater = nullptr);

 private:
  enum class State { head, payload, closed, failed };
  // more: bytes are needed; stop: the sink wants no more, `this` may be gone
  enum class Step { again, more, stop, failed };

  Step read(std::string_view& bytes, WebSocketSink& sink, Inflater* inflater);
  bool read_head(std::string_view& bytes);
  bool take_head(bool may_be_compressed);
  bool check_reserved(bool may_be_compressed);
  bool check_opcode();
  bool read_payload(std::string_view& bytes);
  Step end_frame(WebSocketSink& sink, Inflater* inflater);
  Step end_compressed(WebSocketSink& sink, Inflater& inflater);
  Step end_control(WebSocketSink& sink);
  bool fail(std::uint16_t code, const char* why);  // false, to be returned

  WebSocketRole role_;
  WebSocketLimits limits_;
  State state_ = State::head;
  std::optional<WebSocketFailure> failure_;
  std::array<std::uint8_t, 14> head_{};  // 2 + 8 of length + 4 of mask
  std::uint8_t head_size_ = 0;
  bool is_last_ = false;
  std::uint8_t opcode_ = 0;
  std::array<std::uint8_t, 4> mask_{};
  std::uint64_t left_ = 0;      // payload bytes of this frame still to come
  std::uint64_t offset_ = 0;    // payload bytes of this frame taken: the mask's phase
  bool in_message_ = false;     // a fragmented message is under way
  bool is_compressed_ = false;  // that message
  WebSocketKind kind_ = WebSocketKind::text;
  std::string message_;  // and behind it, while one is read, a control frame's payload
  Utf8Check utf8_;
};

using WebSocketMask = std::array<std::uint8_t, 4>;  // a client must choose it anew, unforeseeably,
                                                    // for each frame (5.3)

// Each appends one frame to `out`; with a mask as a client, without as a server.
void prepend_head(std::string& payload, WebSocketKind kind);  // of a whole message without a mask
void append_message(std::string& out, WebSocketKind kind, std::string_view payload,
                    std::optional<WebSocketMask> mask);
// `deflated`: what Deflater made of the message.
void append_compressed_message(std::string& out, WebSocketKind kind, std::string_view deflated,
                               std::optional<WebSocketMask> mask);
// first, then any number of later ones, the last of them with `is_last`
void append_fragment(std::string& out, std::optional<WebSocketKind> first, std::string_view payload,
                     bool is_last, std::optional<WebSocketMask> mask);
// At most 125 bytes of payload (RFC 6455 section 5.5).
void append_ping(std::string& out, std::string_view payload, std::optional<WebSocketMask> mask);
void append_pong(std::string& out, std::string_view payload, std::optional<WebSocketMask> mask);
// Code 1005 sends an empty one. A reason is cut to 123 bytes, never inside a character.
void append_close(std::string& out, std::uint16_t code, std::string_view reason,
                  std::optional<WebSocketMask> mask);

// The first of what the functions above have appended without a mask.
struct WebSocketFrame {
  std::size_t bytes;                     // all of it
  std::optional<WebSocketKind> message;  // whole and plain; none: it is something else
  std::string_view payload;
};
WebSocketFrame first_frame(std::string_view bytes);

}  // namespace utakata::wire
