#include "fleet/model/byte_codec.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace utakata {
namespace {

constexpr std::array<double, 7> tens = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
constexpr unsigned raw_exponent = 7;
constexpr double mantissa_max = double(std::int64_t{1} << 53);

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (std::uint64_t(value) << 1) ^ std::uint64_t(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return std::int64_t(value >> 1) ^ -std::int64_t(value & 1);
}

}  // namespace

void ByteWriter::number(std::uint64_t value) {
  char text[10];
  std::size_t size = 0;
  for (; value >= 0x80; value >>= 7) text[size++] = char(value | 0x80);
  text[size++] = char(value);
  bytes_.append(text, size);
}

void ByteWriter::signed_number(std::int64_t value) { number(zigzag(value)); }

void ByteWriter::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
}

// Most numbers that programs tell are short decimals: those are kept as such, exactly.
void ByteWriter::real(double value) {
  if (std::isnan(value)) return number(zigzag(1) << 3 | raw_exponent);
  for (unsigned e = 0; e < tens.size(); ++e) {
    const double scaled = std::round(value * tens[e]);
    if (!(std::abs(scaled) < mantissa_max)) break;
    const double back = scaled / tens[e];
    if (std::bit_cast<std::uint64_t>(back) != std::bit_cast<std::uint64_t>(value))
      continue;                                     // -0.0 too
    if (scaled == 0 && std::signbit(value)) break;  // an integer has no negative zero
    return number(zigzag(std::int64_t(scaled)) << 3 | e);
  }
  number(raw_exponent);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) byte(std::uint8_t(bits >> shift));
}

std::uint8_t ByteReader::byte() {
  if (left_.empty()) {
    fail();
    return 0;
  }
  const auto value = std::uint8_t(left_.front());
  left_.remove_prefix(1);
  return value;
}

std::uint64_t ByteReader::number() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint8_t next = byte();
    if (shift == 63 && next > 1) break;
    value |= std::uint64_t(next & 0x7f) << shift;
    if (next < 0x80) return is_good_ ? value : 0;
  }
  fail();
  return 0;
}

std::int64_t ByteReader::signed_number() { return unzigzag(number()); }

std::string_view ByteReader::view() {
  const std::uint64_t size = number();
  if (size > left_.size()) {
    fail();
    return {};
  }
  const std::string_view value = left_.substr(0, size);
  left_.remove_prefix(size);
  return value;
}

double ByteReader::real() {
  const std::uint64_t word = number();
  const std::int64_t mantissa = unzigzag(word >> 3);
  if ((word & 7) != raw_exponent) return double(mantissa) / tens[word & 7];
  if (mantissa == 1) return std::numeric_limits<double>::quiet_NaN();
  if (mantissa != 0) fail();
  std::uint64_t bits = 0;
  for (int shift = 0; shift < 64; shift += 8) bits |= std::uint64_t(byte()) << shift;
  return is_good_ ? std::bit_cast<double>(bits) : 0;
}

}  // namespace utakata
