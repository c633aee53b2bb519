#include "fleet/plan/place_secret.h"

#include <bit>
#include <cstring>

namespace utakata {
namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  explicit SipState(const PlaceSecret& secret)
      : v0(secret.low ^ 0x736f6d6570736575),
        v1(secret.high ^ 0x646f72616e646f6d),
        v2(secret.low ^ 0x6c7967656e657261),
        v3(secret.high ^ 0x7465646279746573) {}

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  std::uint64_t finish() {
    v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

constexpr char kDigits[] = "0123456789abcdef";

struct DigitPairs {  // two digits of a byte at once
  char text[256][2];
  constexpr DigitPairs() : text() {
    for (int i = 0; i < 256; ++i) {
      text[i][0] = kDigits[i >> 4];
      text[i][1] = kDigits[i & 15];
    }
  }
};
constexpr DigitPairs kPairs;

void write_word(char* out, std::uint64_t word) {
  for (int byte = 0; byte < 8; ++byte)
    std::memcpy(out + 2 * byte, kPairs.text[(word >> (56 - 8 * byte)) & 0xff], 2);
}

std::optional<std::uint64_t> read_word(std::string_view digits) {
  std::uint64_t word = 0;
  for (char c : digits) {
    int digit = 0;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else
      return std::nullopt;
    word = word << 4 | std::uint64_t(digit);
  }
  return word;
}

std::uint64_t name_hash(const PlaceSecret& secret, PlaceName of, std::uint64_t number) {
  SipState state(secret);
  state.absorb(number);
  state.absorb(std::uint64_t{9} << 56 |
               std::uint64_t(of));  // as of nine bytes: the number, the purpose
  return state.finish();
}

}  // namespace

std::uint64_t siphash(const PlaceSecret& secret, std::string_view bytes) {
  SipState state(secret);
  std::uint64_t last = std::uint64_t(bytes.size()) << 56;
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    state.absorb(word);
    bytes.remove_prefix(8);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i)
    last |= std::uint64_t(std::uint8_t(bytes[i])) << (8 * i);
  state.absorb(last);
  return state.finish();
}

PlaceText place_text(const PlaceSecret& secret, PlaceName of, std::uint64_t number) {
  PlaceText text;
  write_word(text.data(), number);
  write_word(text.data() + 16, name_hash(secret, of, number));
  return text;
}

std::optional<std::uint64_t> place_number(const PlaceSecret& secret, PlaceName of,
                                          std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  const auto number = read_word(text.substr(0, 16)), hash = read_word(text.substr(16));
  if (!number || !hash || *hash != name_hash(secret, of, *number)) return std::nullopt;
  return number;
}

}  // namespace utakata
