#include "load/client/source_ranges.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/text.h"

namespace utakata::load {
namespace {

constexpr std::size_t kWords = 10'000;
constexpr int kHostBits = 32;  // of a network, those that are counted up

// The last eight bytes of an address (IPv4: all four) as a number.
std::uint64_t low_bits(const net::TcpAddress& address) {
  std::uint64_t number = 0;
  if (address.get()->sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.bytes);
    return ntohl(v4.sin_addr.s_addr);
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.bytes);
  for (std::size_t i = 8; i < 16; ++i) number = number << 8 | v6.sin6_addr.s6_addr[i];
  return number;
}

void set_low_bits(net::TcpAddress& address, std::uint64_t number) {
  if (address.get()->sa_family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.bytes);
    v4.sin_addr.s_addr = htonl(std::uint32_t(number));
    return;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.bytes);
  for (std::size_t i = 16; i-- > 8; number >>= 8) v6.sin6_addr.s6_addr[i] = std::uint8_t(number);
}

void clear_host_bits(net::TcpAddress& address, int host_bits) {
  if (host_bits > 64) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.bytes);
    for (int bit = 64; bit < host_bits; ++bit)
      v6.sin6_addr.s6_addr[std::size_t(15 - bit / 8)] &= std::uint8_t(~(1 << bit % 8));
  }
  const int low = std::min(host_bits, 64);
  set_low_bits(address, low == 64 ? 0 : low_bits(address) >> low << low);
}

std::unexpected<Problem> invalid(std::string_view word, const std::string& why) {
  return problem(Problem::Kind::invalid, fmt::format("the source {} {}", in_ticks(word), why));
}

Expected<SourceRange> read_network(std::string_view word, std::size_t slash) {
  const auto address = net::numeric_address(std::string(word.substr(0, slash)), 0);
  if (!address) return invalid(word, "is no network: it must begin with an address");
  const int bits = address->get()->sa_family == AF_INET ? 32 : 128;
  const std::string_view length = word.substr(slash + 1);
  int prefix = -1;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), prefix);
  if (error != std::errc{} || end != length.data() + length.size() || prefix < 8 || prefix > bits)
    return invalid(word, fmt::format("is no network: its length must be 8 to {}", bits));
  SourceRange range{.first = *address};
  const int host_bits = bits - prefix;
  clear_host_bits(range.first, host_bits);
  range.count = std::uint64_t{1} << std::min(host_bits, kHostBits);
  if (host_bits < 2) return range;
  const bool has_broadcast = bits == 32;
  range.count -= has_broadcast ? 2 : 1;
  range.first = address_at(range, 1);
  return range;
}

}  // namespace

net::TcpAddress address_at(const SourceRange& range, std::uint64_t at) {
  net::TcpAddress address = range.first;
  set_low_bits(address, low_bits(address) + at);
  return address;
}

bool is_loopback(const net::TcpAddress& address) {
  if (address.get()->sa_family == AF_INET) return low_bits(address) >> 24 == 127;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.bytes);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

std::string to_text(const net::TcpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_v4 = address.get()->sa_family == AF_INET;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.bytes);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.bytes);
  const void* number = is_v4 ? static_cast<const void*>(&v4.sin_addr) : &v6.sin6_addr;
  inet_ntop(address.get()->sa_family, number, text.data(), text.size());
  return text.data();
}

Expected<std::vector<SourceRange>> read_sources(std::string_view text,
                                                const InterfaceAddresses& interface_addresses) {
  std::vector<SourceRange> ranges;
  for (std::size_t words = 0;; ++words) {
    const std::size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    word = word.substr(0, word.find_last_not_of(' ') + 1);
    if (words == kWords)
      return invalid(word, "is one too many: a network (10.0.0.0/24) is shorter");
    if (word.empty()) return invalid(word, "is no address: one stands on each side of a comma");
    if (const auto slash = word.find('/'); slash != word.npos) {
      const auto range = read_network(word, slash);
      if (!range) return std::unexpected(range.error());
      ranges.push_back(*range);
    } else if (const auto address = net::numeric_address(std::string(word), 0)) {
      ranges.push_back({.first = *address});
    } else {
      const auto found = interface_addresses(std::string(word));
      for (const auto& one : found) ranges.push_back({.first = one});
      if (found.empty())
        return invalid(word,
                       "is neither an address, a network (10.0.0.0/24) nor an interface here");
    }
    if (comma == text.npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

SourcePart::SourcePart(std::vector<SourceRange> ranges, Part part)
    : ranges_(std::move(ranges)), part_(part) {
  for (const auto& range : ranges_) total_ += range.count;
  size_ = std::uint64_t(part_.share_of(std::int64_t(total_)));
  if (size_ == 0 && total_ > 0) size_ = 1;
}

net::TcpAddress SourcePart::at(std::uint64_t nth) const {
  std::uint64_t number = std::uint64_t(part_.number_of(std::int64_t(nth))) % total_;
  for (const auto& range : ranges_) {
    if (number < range.count) return address_at(range, number);
    number -= range.count;
  }
  return {};
}

}  // namespace utakata::load
