#include "wire/deflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/check.h"

namespace utakata::wire {
namespace {

constexpr int kWindowLeast = 8, kWindowMost = 15;  // RFC 7692 section 7.1.2
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);
constexpr std::size_t kPiece = 16 * 1024;

// 1#( token *( ";" token [ "=" ( token | quoted-string ) ] ) ), RFC 6455 section 9.1.
class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}
  bool is_at_end() {
    skip_space();
    return left_.empty();
  }
  bool take(char c) {
    skip_space();
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }
  // Empty: there is none.
  std::string_view token() {
    skip_space();
    const auto end = std::ranges::find_if_not(left_, is_token_letter);
    const auto got = left_.substr(0, std::size_t(end - left_.begin()));
    left_.remove_prefix(got.size());
    return got;
  }
  // A token; within quotes it must be one, too (9.1). None: it is not.
  std::optional<std::string> value() {
    std::string got;
    if (!take('"')) {
      got = token();
    } else {
      while (!left_.empty() && left_.front() != '"') {
        if (left_.front() == '\\') left_.remove_prefix(1);
        if (left_.empty()) return std::nullopt;
        got += left_.front();
        left_.remove_prefix(1);
      }
      if (!take('"')) return std::nullopt;
    }
    if (got.empty() || !std::ranges::all_of(got, is_token_letter)) return std::nullopt;
    return got;
  }

 private:
  static bool is_token_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  }
  void skip_space() {
    while (left_.starts_with(' ') || left_.starts_with('\t')) left_.remove_prefix(1);
  }
  std::string_view left_;
};

// What one side says of permessage-deflate.
struct Offer {
  bool can_be_kept = true;
  bool names_client_bits = false, server_resets = false, client_resets = false;
  std::optional<int> server_bits, client_bits;

  // What is not known, said twice or out of range: the whole offer is declined (7.1).
  void take(std::string_view name, const std::optional<std::string>& value) {
    if (name == "server_no_context_takeover")
      return keep(!value && !std::exchange(server_resets, true));
    if (name == "client_no_context_takeover")
      return keep(!value && !std::exchange(client_resets, true));
    const auto bits = value ? bits_of(*value) : std::nullopt;
    if (name == "client_max_window_bits") {
      client_bits = bits;
      return keep((!value || bits) && !std::exchange(names_client_bits, true));
    }
    keep(name == "server_max_window_bits" && bits && !server_bits);
    server_bits = bits;
  }

 private:
  void keep(bool can_be) { can_be_kept = can_be_kept && can_be; }
  // Without leading zeros (7.1.2.1).
  static std::optional<int> bits_of(std::string_view text) {
    for (int bits = kWindowLeast; bits <= kWindowMost; ++bits)
      if (text == fmt::to_string(bits)) return bits;
    return std::nullopt;
  }
};

// False: the header is broken.
bool read_offer(Reader& reader, Offer& offer) {
  const auto extension = reader.token();
  if (extension.empty()) return false;
  offer.can_be_kept = extension == "permessage-deflate";
  while (reader.take(';')) {
    const auto name = reader.token();
    if (name.empty()) return false;
    std::optional<std::string> value;
    if (reader.take('=') && !(value = reader.value())) return false;
    offer.take(name, value);
  }
  return true;
}

void feed(z_stream& stream, std::string_view bytes) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = uInt(bytes.size());
}

}  // namespace

std::optional<DeflateAgreement> agree_to_deflate(std::string_view offers) {
  Reader reader(offers);
  std::optional<Offer> best;
  while (!reader.is_at_end()) {
    if (reader.take(',')) continue;  // lists may have empty elements (RFC 9110 section 5.6.1)
    Offer offer;
    if (!read_offer(reader, offer)) return std::nullopt;
    if (!reader.is_at_end() && !reader.take(',')) return std::nullopt;
    if (offer.can_be_kept && !best) best = offer;
  }
  if (!best) return std::nullopt;
  DeflateAgreement agreed{
      .window_bits = best->server_bits.value_or(kWindowMost),
      .answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"};
  if (best->server_bits)
    agreed.answer += fmt::format("; server_max_window_bits={}", *best->server_bits);
  return agreed;
}

// RFC 7692 section 7.1: the one element, with what we have asked for.
std::optional<DeflateAgreement> accept_deflate(std::string_view answer) {
  Reader reader(answer);
  const auto skip_empty = [&reader] {
    while (reader.take(',')) continue;
  };
  Offer said;
  skip_empty();
  if (!read_offer(reader, said)) return std::nullopt;
  skip_empty();
  if (!reader.is_at_end() || !said.can_be_kept || !said.server_resets) return std::nullopt;
  if (said.names_client_bits && !said.client_bits) return std::nullopt;  // 7.1.2.2
  return DeflateAgreement{.window_bits = said.client_bits.value_or(kWindowMost),
                          .answer = std::string(answer)};
}

std::uint8_t deflate_window_bits(std::size_t message_bytes) {
  const int bits = message_bytes > 1 ? int(std::bit_width(message_bytes - 1)) : 0;
  return std::uint8_t(std::clamp(bits, kWindowLeast, kWindowMost));
}

struct Deflater::Stream {
  z_stream z{};
  // Negative: without a head of zlib's. The memory is less than zlib's own choice, 8: each message
  // begins with clearing it, and is seldom large enough to gain from more.
  explicit Stream(int level) {
    check(deflateInit2(&z, level, Z_DEFLATED, -kWindowMost, 6, Z_DEFAULT_STRATEGY) == Z_OK,
          "zlib takes levels 1 to 9, and there is memory");
  }
  ~Stream() { deflateEnd(&z); }
};

Deflater::Deflater(const DeflateSettings& settings)
    : settings_(settings), stream_(std::make_unique<Stream>(settings.level)) {}
Deflater::~Deflater() = default;

// RFC 7692 section 7.2.1
std::optional<std::string_view> Deflater::deflate(std::string_view message) {
  if (message.size() < settings_.least_bytes) return std::nullopt;
  z_stream& z = stream_->z;
  deflateReset(&z);
  feed(z, message);
  // What does not fit in here is not smaller. zlib wants room for more than the tail.
  buffer_.resize(std::max<std::size_t>(message.size() + kTail.size(), 16));
  z.next_out = reinterpret_cast<Bytef*>(buffer_.data());
  z.avail_out = uInt(buffer_.size());
  check(::deflate(&z, Z_SYNC_FLUSH) == Z_OK, "zlib has input and room");
  if (z.avail_out == 0) return std::nullopt;
  const std::string_view made(buffer_.data(), buffer_.size() - z.avail_out);
  check(made.ends_with(kTail), "a flush ends with an empty block");
  if (made.size() - kTail.size() >= message.size()) return std::nullopt;
  return made.substr(0, made.size() - kTail.size());
}

struct Inflater::Stream {
  z_stream z{};
  bool has_ended = false;
  std::array<char, kPiece> piece;
  Stream() { check(inflateInit2(&z, -kWindowMost) == Z_OK, "there is memory"); }
  ~Stream() { inflateEnd(&z); }

  // Until all that was fed is taken.
  Outcome take(std::size_t& room, std::string& out) {
    for (;;) {
      z.next_out = reinterpret_cast<Bytef*>(piece.data());
      z.avail_out = uInt(room < piece.size() ? room + 1 : piece.size());
      const int said = ::inflate(&z, Z_SYNC_FLUSH);
      const bool is_full = z.avail_out == 0;
      const auto got = std::size_t(reinterpret_cast<char*>(z.next_out) - piece.data());
      if (got > room) return Outcome::too_big;
      out.append(piece.data(), got);
      room -= got;
      // A sender may have ended its stream and begun another (7.2.3.4).
      if (said == Z_STREAM_END && z.avail_in > 0) {
        inflateReset(&z);
        continue;
      }
      has_ended = said == Z_STREAM_END;
      if (has_ended) return Outcome::whole;
      if (said != Z_OK && said != Z_BUF_ERROR) return Outcome::broken;
      if (z.avail_in == 0 && !is_full) return Outcome::whole;
    }
  }
  bool is_at_block_end() const { return z.data_type & 128; }
};

Inflater::Inflater() : stream_(std::make_unique<Stream>()) {}
Inflater::~Inflater() = default;

// RFC 7692 section 7.2.2
Inflater::Outcome Inflater::inflate(std::string_view payload, std::size_t bytes_max,
                                    std::string& out) {
  z_stream& z = stream_->z;
  inflateReset(&z);
  std::size_t room = bytes_max;
  for (const std::string_view part : {payload, kTail}) {
    feed(z, part);
    const Outcome outcome = stream_->take(room, out);
    if (outcome != Outcome::whole || stream_->has_ended) return outcome;
  }
  return stream_->is_at_block_end() ? Outcome::whole : Outcome::broken;
}

}  // namespace utakata::wire
