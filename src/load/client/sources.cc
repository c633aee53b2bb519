#include "load/client/sources.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

namespace utakata::load {
namespace {

constexpr int kTries = 8;

std::vector<net::TcpAddress> addresses_of(const std::string& name) {
  ifaddrs* first = nullptr;
  std::vector<net::TcpAddress> found;
  if (getifaddrs(&first) != 0) return found;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, freeifaddrs);
  for (const ifaddrs* one = first; one; one = one->ifa_next) {
    if (name != one->ifa_name || !one->ifa_addr) continue;
    net::TcpAddress address;
    if (one->ifa_addr->sa_family == AF_INET) {
      address.size = sizeof(sockaddr_in);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) continue;  // it reaches neighbours only
      address.size = sizeof(sockaddr_in6);
    } else {
      continue;
    }
    std::memcpy(&address.bytes, one->ifa_addr, address.size);
    found.push_back(address);
  }
  return found;
}

bool is_ours(const net::TcpAddress& address) {
  const net::Descriptor socket(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket && bind(socket.get(), address.get(), address.size) == 0;
}

std::size_t kind_of(const net::TcpAddress& address) {
  return (address.get()->sa_family == AF_INET ? 0 : 2) + (is_loopback(address) ? 1 : 0);
}

std::uint16_t port_of(const net::TcpAddress& address) {
  if (address.get()->sa_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in&>(address.bytes).sin_port);
  return ntohs(reinterpret_cast<const sockaddr_in6&>(address.bytes).sin6_port);
}

// But 127.0.0.1, which is the kernel's choice.
SourcePart loopback_part(Part part) {
  return SourcePart({{.first = *net::numeric_address("127.0.0.2", 0), .count = (1u << 24) - 3}},
                    part);
}

Line line_of(net::Descriptor socket, std::uint32_t source = 0) {
  return {.socket = std::move(socket), .source = source};
}

}  // namespace

std::uint32_t ephemeral_ports() {
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  std::uint32_t first = 0, last = 0;
  if (range >> first >> last && first <= last && last <= 65535) return last - first + 1;
  return 28'232;  // Linux's own choice
}

Sources::Sources(std::uint32_t ports, Dial dial)
    : ports_(ports), dial_(dial), spread_(loopback_part({})) {}

Expected<std::uint64_t> count_of_sources(std::string_view text) {
  std::uint64_t sum = 0;
  if (text.empty()) return sum;
  const auto read = read_sources(text, addresses_of);
  if (!read) return std::unexpected(read.error());
  for (const SourceRange& range : *read) sum += range.count;
  return sum;
}

Expected<void> Sources::use(std::string_view text, Part part) {
  std::array<std::vector<SourceRange>, 4> ranges;
  if (!text.empty()) {
    const auto read = read_sources(text, addresses_of);
    if (!read) return std::unexpected(read.error());
    for (const auto& range : *read) {
      for (const auto at : {std::uint64_t{0}, range.count - 1})
        if (const auto one = address_at(range, at); !is_ours(one))
          return problem(Problem::Kind::invalid,
                         fmt::format("the source {} is no address of this machine", to_text(one)));
      ranges[kind_of(range.first)].push_back(range);
    }
  }
  for (std::size_t kind = 0; kind < ranges.size(); ++kind)
    named_[kind] = {.part = SourcePart(std::move(ranges[kind]), part)};
  spread_ = loopback_part(part);
  part_ = part;
  return {};
}

Sources::Named& Sources::named_for(const net::TcpAddress& to) { return named_[kind_of(to)]; }

std::expected<Line, Failure> Sources::dial(const net::TcpAddress& to) {
  if (Named& named = named_for(to); named.part.size() > 0) return dial_named(named, to);
  if (to.get()->sa_family == AF_INET && is_loopback(to)) return dial_spread(to);
  auto dialled = dial_(to, {});
  if (dialled) return line_of(std::move(*dialled));
  return std::unexpected(dialled.error().kind == FailureKind::ports ? no_ports(to, 1)
                                                                    : dialled.error());
}

std::expected<Line, Failure> Sources::dial_named(Named& named, const net::TcpAddress& to) {
  const std::uint64_t tries = std::min<std::uint64_t>(named.part.size(), kTries);
  for (std::uint64_t i = 0; i < tries; ++i) {
    auto dialled = dial_(to, named.part.at(named.turn++ % named.part.size()));
    if (dialled) return line_of(std::move(*dialled));
    if (dialled.error().kind != FailureKind::ports) return std::unexpected(dialled.error());
  }
  return std::unexpected(no_ports(to, tries));
}

std::expected<Line, Failure> Sources::dial_spread(const net::TcpAddress& to) {
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(to.bytes);
  auto& uses = servers_[std::uint64_t{v4.sin_addr.s_addr} << 16 | v4.sin_port];
  const std::uint32_t share = ports_ / 4;
  for (int tries = 0, nth = 0; tries < kTries; ++nth) {
    if (std::size_t(nth) == uses.size()) {
      // The kernel's choice is all workers'.
      const auto most = nth == 0 ? share / std::uint32_t(part_.workers) : share;
      uses_.push_back({.most = std::max(most, 1u)});
      uses.push_back(std::uint32_t(uses_.size()));
    }
    Use& use = uses_[uses[std::size_t(nth)] - 1];
    if (use.open >= use.most) continue;
    auto dialled = dial_(to, nth == 0 ? net::TcpAddress{} : spread_.at(std::uint64_t(nth) - 1));
    if (!dialled && dialled.error().kind != FailureKind::ports)
      return std::unexpected(dialled.error());
    if (dialled) {
      ++use.open;
      return line_of(std::move(*dialled), uses[std::size_t(nth)]);
    }
    use.most = use.open;  // others have the rest of its ports
    ++tries;
  }
  return std::unexpected(no_ports(to, kTries));
}

void Sources::closed(Line& line) {
  line.socket.reset();
  if (const auto use = std::exchange(line.source, 0); use > 0) --uses_[use - 1].open;
}

Failure Sources::no_ports(const net::TcpAddress& to, std::uint64_t sources) const {
  return {FailureKind::ports,
          fmt::format("all {} ports to {} port {} are taken, from {} {}: name more with --source, "
                      "or widen net.ipv4.ip_local_port_range",
                      ports_, to_text(to), port_of(to), sources,
                      sources == 1 ? "address" : "addresses")};
}

}  // namespace utakata::load
