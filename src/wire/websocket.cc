#include "wire/websocket.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace utakata::wire {
namespace {

// RFC 6455 section 5.2
enum Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close_frame = 0x8,
  ping_frame = 0x9,
  pong_frame = 0xa
};
constexpr std::uint8_t last_bit = 0x80, reserved_bits = 0x70, compressed_bit = 0x40,
                       opcode_bits = 0x0f, mask_bit = 0x80;
constexpr std::size_t control_bytes_max = 125;
constexpr std::size_t kept_bytes =
    4096;  // of a message's buffer, for the next: idle connections stay small

bool is_control(std::uint8_t opcode) { return opcode & 0x8; }

// Appends `payload`, the mask's byte `offset` first.
void append_masked(std::string& out, std::string_view payload, WebSocketMask mask,
                   std::uint64_t offset) {
  const auto start = out.size();
  out.append(payload);
  std::uint32_t four;
  std::memcpy(&four, mask.data(), 4);
  constexpr bool is_little = std::endian::native == std::endian::little;
  four = is_little ? std::rotr(four, int(offset & 3) * 8) : std::rotl(four, int(offset & 3) * 8);
  std::memcpy(mask.data(), &four, 4);
  const std::uint64_t eight = std::uint64_t{four} << 32 | four;
  auto* at = out.data() + start;
  std::size_t i = 0;
  for (std::uint64_t words[4]; i + sizeof words <= payload.size(); i += sizeof words) {
    std::memcpy(words, at + i, sizeof words);
    for (auto& word : words) word ^= eight;
    std::memcpy(at + i, words, sizeof words);
  }
  for (std::uint64_t word; i + sizeof word <= payload.size(); i += sizeof word) {
    std::memcpy(&word, at + i, sizeof word);
    word ^= eight;
    std::memcpy(at + i, &word, sizeof word);
  }
  for (; i < payload.size(); ++i) at[i] = char(std::uint8_t(at[i]) ^ mask[i & 3]);
}

struct Head {
  std::array<char, 10> bytes;
  std::size_t size;
  std::string_view view() const { return {bytes.data(), size}; }
};

Head head_of(std::uint8_t first, std::uint64_t size, bool is_masked) {
  Head head{.bytes = {char(first)}, .size = 2};
  const std::uint8_t masked = is_masked ? mask_bit : 0;
  int more = 0;  // bytes of extended length
  if (size <= 125) {
    head.bytes[1] = char(masked | size);
  } else if (size <= 0xffff) {
    head.bytes[1] = char(masked | 126);
    more = 2;
  } else {
    head.bytes[1] = char(masked | 127);
    more = 8;
  }
  for (int i = more - 1; i >= 0; --i) head.bytes[head.size++] = char(size >> (8 * i));
  return head;
}

void append_frame(std::string& out, std::uint8_t first, std::string_view payload,
                  std::optional<WebSocketMask> mask) {
  out.append(head_of(first, payload.size(), mask.has_value()).view());
  if (!mask) {
    out.append(payload);
    return;
  }
  for (const auto byte : *mask) out.push_back(char(byte));
  append_masked(out, payload, *mask, 0);
}

void append_control(std::string& out, Opcode opcode, std::string_view payload,
                    std::optional<WebSocketMask> mask) {
  check(payload.size() <= control_bytes_max, "a control frame carries at most 125 bytes");
  append_frame(out, last_bit | opcode, payload, mask);
}

}  // namespace

bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

WebSocketParser::WebSocketParser(WebSocketRole role, WebSocketLimits limits)
    : role_(role), limits_(limits) {}

std::optional<WebSocketFailure> WebSocketParser::feed(std::string_view bytes, WebSocketSink& sink,
                                                      Inflater* inflater) {
  for (;;) {
    switch (read(bytes, sink, inflater)) {
      case Step::again:
        continue;
      case Step::more:
        return {};
      case Step::stop:
        return {};
      case Step::failed:
        return failure_;
    }
  }
}

// One head, or one payload as far as it has come.
WebSocketParser::Step WebSocketParser::read(std::string_view& bytes, WebSocketSink& sink,
                                            Inflater* inflater) {
  switch (state_) {
    case State::closed:
      return Step::stop;
    case State::failed:
      return Step::failed;
    case State::head:
      if (!read_head(bytes)) return Step::more;
      if (!take_head(inflater != nullptr)) return Step::failed;
      state_ = State::payload;
      return Step::again;
    case State::payload:
      if (!read_payload(bytes)) return Step::failed;
      if (left_ > 0) return Step::more;
      return end_frame(sink, inflater);
  }
  return Step::stop;
}

// True: head_ is whole. As much is copied as the longest has; what is not of it stays in `bytes`.
bool WebSocketParser::read_head(std::string_view& bytes) {
  const auto piece = bytes.substr(0, head_.size() - head_size_);
  if (piece.empty()) return false;
  std::memcpy(head_.data() + head_size_, piece.data(), piece.size());
  const std::size_t had = head_size_, has = had + piece.size();
  const int length = head_[1] & ~mask_bit;
  const std::size_t wanted = has < 2 ? 2
                                     : 2 +
                                           (length == 127   ? 8u
                                            : length == 126 ? 2u
                                                            : 0u) +
                                           (head_[1] & mask_bit ? 4u : 0u);
  head_size_ = std::uint8_t(std::min(has, wanted));
  bytes.remove_prefix(head_size_ - had);
  return head_size_ == wanted;
}

bool WebSocketParser::take_head(bool may_be_compressed) {
  head_size_ = 0;
  is_last_ = head_[0] & last_bit;
  opcode_ = head_[0] & opcode_bits;
  const bool is_masked = head_[1] & mask_bit;
  const int short_length = head_[1] & ~mask_bit;
  const int more = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
  left_ = more ? 0 : std::uint64_t(short_length);
  for (int i = 0; i < more; ++i) left_ = left_ << 8 | head_[std::size_t(2 + i)];
  offset_ = 0;
  mask_ = {};
  if (is_masked) std::copy_n(head_.begin() + 2 + more, 4, mask_.begin());

  const auto refuse = [this](const char* why) { return fail(websocket_code::protocol_error, why); };
  if ((head_[0] & reserved_bits) && !check_reserved(may_be_compressed)) return false;
  if (is_masked != (role_ == WebSocketRole::server))
    return refuse(is_masked ? "A frame from a server is masked."
                            : "A frame from a client is not masked.");
  if (left_ >> 63) return refuse("A frame's length has its highest bit set.");
  if ((more == 2 && left_ < 126) || (more == 8 && left_ <= 0xffff))
    return refuse("A frame's length is not in its shortest form.");
  if (!check_opcode()) return false;
  if (!is_control(opcode_) && left_ > limits_.message_bytes - message_.size())
    return fail(websocket_code::too_big, "A message is larger than allowed.");
  return true;
}

// RFC 7692 section 6: the first frame of a message tells whether it is compressed, and no other.
bool WebSocketParser::check_reserved(bool may_be_compressed) {
  const auto refuse = [this](const char* why) { return fail(websocket_code::protocol_error, why); };
  if (!may_be_compressed || (head_[0] & reserved_bits) != compressed_bit)
    return refuse("A reserved bit is set and no extension was agreed.");
  if (opcode_ != text && opcode_ != binary)
    return refuse("What is not the beginning of a message says that it is compressed.");
  return true;
}

// RFC 6455 sections 5.4 and 5.5: who may follow whom.
bool WebSocketParser::check_opcode() {
  const auto refuse = [this](const char* why) { return fail(websocket_code::protocol_error, why); };
  switch (opcode_) {
    case continuation:
      return in_message_ || refuse("A continuation has no message to continue.");
    case text:
    case binary:
      if (in_message_) return refuse("A message begins inside another that is not finished.");
      kind_ = opcode_ == text ? WebSocketKind::text : WebSocketKind::binary;
      in_message_ = true;
      is_compressed_ = head_[0] & compressed_bit;
      return true;
    case close_frame:
    case ping_frame:
    case pong_frame:
      if (!is_last_) return refuse("A control frame is fragmented.");
      return left_ <= control_bytes_max || refuse("A control frame carries more than 125 bytes.");
    default:
      return refuse("A frame has an opcode that is not known.");
  }
}

bool WebSocketParser::read_payload(std::string_view& bytes) {
  const auto piece = bytes.substr(0, std::size_t(std::min<std::uint64_t>(left_, bytes.size())));
  if (piece.empty()) return true;
  bytes.remove_prefix(piece.size());
  const auto start = message_.size();
  append_masked(message_, piece, mask_, offset_);
  left_ -= piece.size();
  offset_ += piece.size();
  if (is_control(opcode_) || kind_ != WebSocketKind::text || is_compressed_) return true;
  return utf8_.feed(std::string_view(message_).substr(start)) ||
         fail(websocket_code::not_utf8, "A text message is not UTF-8.");
}

WebSocketParser::Step WebSocketParser::end_frame(WebSocketSink& sink, Inflater* inflater) {
  state_ = State::head;
  if (is_control(opcode_)) return end_control(sink);
  if (!is_last_) return Step::again;
  in_message_ = false;
  if (is_compressed_) {
    check(inflater, "the inflater is given at each call or at none");
    return end_compressed(sink, *inflater);
  }
  if (kind_ == WebSocketKind::text && !utf8_.is_complete()) {
    fail(websocket_code::not_utf8, "A text message ends inside a character.");
    return Step::failed;
  }
  utf8_.reset();
  // Moved out, as the sink may destroy this parser; moved back, as the next message can use the
  // memory.
  std::string whole = std::move(message_);
  message_.clear();
  if (!sink.message(kind_, whole)) return Step::stop;
  if (whole.capacity() <= kept_bytes) {
    message_ = std::move(whole);
    message_.clear();
  }
  return Step::again;
}

WebSocketParser::Step WebSocketParser::end_compressed(WebSocketSink& sink, Inflater& inflater) {
  const auto refuse = [this](std::uint16_t with, const char* why) {
    fail(with, why);
    return Step::failed;
  };
  std::string whole;
  switch (inflater.inflate(message_, limits_.message_bytes, whole)) {
    case Inflater::Outcome::whole:
      break;
    case Inflater::Outcome::too_big:
      return refuse(websocket_code::too_big, "A message is larger than allowed.");
    case Inflater::Outcome::broken:
      return refuse(websocket_code::not_utf8, "A compressed message is broken.");
  }
  if (kind_ == WebSocketKind::text && !is_utf8(whole))
    return refuse(websocket_code::not_utf8, "A text message is not UTF-8.");
  message_.clear();
  if (message_.capacity() > kept_bytes) message_ = {};
  return sink.message(kind_, whole) ? Step::again : Step::stop;
}

WebSocketParser::Step WebSocketParser::end_control(WebSocketSink& sink) {
  const std::size_t begin = message_.size() - std::size_t(offset_);
  std::array<char, control_bytes_max> bytes;  // of our own, as the sink may destroy this parser
  const std::string_view payload(bytes.data(), message_.copy(bytes.data(), bytes.size(), begin));
  message_.resize(begin);
  if (opcode_ == ping_frame) return sink.ping(payload) ? Step::again : Step::stop;
  if (opcode_ == pong_frame) return sink.pong(payload) ? Step::again : Step::stop;

  std::uint16_t code = websocket_code::none_given;
  std::string_view reason = payload;
  const auto refuse = [this](std::uint16_t with, const char* why) {
    fail(with, why);
    return Step::failed;
  };
  if (payload.size() == 1)
    return refuse(websocket_code::protocol_error, "A close frame carries half a code.");
  if (payload.size() >= 2) {
    code = std::uint16_t(std::uint8_t(payload[0]) << 8 | std::uint8_t(payload[1]));
    reason.remove_prefix(2);
    if (!may_be_sent(code))
      return refuse(websocket_code::protocol_error,
                    "A close frame carries a code that must not be sent.");
  }
  if (!is_utf8(reason))
    return refuse(websocket_code::not_utf8, "The reason in a close frame is not UTF-8.");
  state_ = State::closed;
  sink.close(code, reason);
  return Step::stop;
}

bool WebSocketParser::fail(std::uint16_t code, const char* why) {
  state_ = State::failed;
  failure_ = {.code = code, .why = why};
  message_ = {};
  return false;
}

void prepend_head(std::string& payload, WebSocketKind kind) {
  const Opcode opcode = kind == WebSocketKind::text ? text : binary;
  payload.insert(0, head_of(last_bit | opcode, payload.size(), false).view());
}

void append_message(std::string& out, WebSocketKind kind, std::string_view payload,
                    std::optional<WebSocketMask> mask) {
  append_fragment(out, kind, payload, true, mask);
}

void append_compressed_message(std::string& out, WebSocketKind kind, std::string_view deflated,
                               std::optional<WebSocketMask> mask) {
  const Opcode opcode = kind == WebSocketKind::text ? text : binary;
  append_frame(out, last_bit | compressed_bit | opcode, deflated, mask);
}

void append_fragment(std::string& out, std::optional<WebSocketKind> first, std::string_view payload,
                     bool is_last, std::optional<WebSocketMask> mask) {
  const Opcode opcode = !first ? continuation : *first == WebSocketKind::text ? text : binary;
  append_frame(out, (is_last ? last_bit : 0) | opcode, payload, mask);
}

void append_ping(std::string& out, std::string_view payload, std::optional<WebSocketMask> mask) {
  append_control(out, ping_frame, payload, mask);
}

void append_pong(std::string& out, std::string_view payload, std::optional<WebSocketMask> mask) {
  append_control(out, pong_frame, payload, mask);
}

void append_close(std::string& out, std::uint16_t code, std::string_view reason,
                  std::optional<WebSocketMask> mask) {
  if (code == websocket_code::none_given) return append_control(out, close_frame, {}, mask);
  check(may_be_sent(code), "a close code that the other side would refuse");
  std::size_t size = std::min(reason.size(), control_bytes_max - 2);
  while (size > 0 && size < reason.size() && (std::uint8_t(reason[size]) & 0xc0) == 0x80) --size;
  std::string payload{char(code >> 8), char(code)};
  payload += reason.substr(0, size);
  append_control(out, close_frame, payload, mask);
}

WebSocketFrame first_frame(std::string_view bytes) {
  const auto byte = [bytes](std::size_t i) { return std::uint8_t(bytes[i]); };
  check(bytes.size() >= 2 && !(byte(1) & mask_bit), "a whole frame without a mask");
  const std::size_t more = byte(1) == 127 ? 8 : byte(1) == 126 ? 2 : 0;
  check(bytes.size() >= 2 + more, "a whole frame");
  std::size_t size = more ? 0 : byte(1);
  for (std::size_t i = 0; i < more; ++i) size = size << 8 | byte(2 + i);
  check(size <= bytes.size() - 2 - more, "a whole frame");
  WebSocketFrame frame{.bytes = 2 + more + size, .payload = bytes.substr(2 + more, size)};
  if (byte(0) == (last_bit | text)) frame.message = WebSocketKind::text;
  if (byte(0) == (last_bit | binary)) frame.message = WebSocketKind::binary;
  return frame;
}

}  // namespace utakata::wire
