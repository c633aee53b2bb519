// The addresses that connections are to come from, as they are named: "127.0.0.0/8",
// "10.0.0.1,10.0.0.2", "fd00::/112", "eth0", or several of these with commas. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "load/pacing/part.h"
#include "net/socket_end.h"

namespace utakata::load {

// `count` addresses, one after the other.
struct SourceRange {
  net::TcpAddress first{};
  std::uint64_t count = 1;
};
net::TcpAddress address_at(const SourceRange& range, std::uint64_t at);
bool is_loopback(const net::TcpAddress& address);
std::string to_text(const net::TcpAddress& address);  // without the port

// Those of an interface; none: there is no such interface, or it has no address.
using InterfaceAddresses = std::function<std::vector<net::TcpAddress>(const std::string& name)>;

// Of a network the first address and IPv4's last one are left out, as they are no host's; of a
// large one of IPv6 the first 2^32 are taken. Problem `invalid`, with the word that is wrong.
Expected<std::vector<SourceRange>> read_sources(std::string_view text,
                                                const InterfaceAddresses& interface_addresses);

// The share of one worker, no address of which is another's as well; but where there are fewer than
// workers, each has one.
class SourcePart {
 public:
  SourcePart() = default;
  SourcePart(std::vector<SourceRange> ranges, Part part);
  std::uint64_t size() const { return size_; }
  net::TcpAddress at(std::uint64_t nth) const;  // nth < size()

 private:
  std::vector<SourceRange> ranges_{};
  Part part_{};
  std::uint64_t total_ = 0, size_ = 0;
};

}  // namespace utakata::load
