// Where the connections of one process come from, so that the ports of one address (28,000 to each
// server) are no wall. Loop thread only; no call blocks.
//
// Addresses that were named are taken in turn: those of 127.0.0.0/8 and ::1 for servers there, the
// others for all other servers. Where none is named that fits, the kernel chooses; only that with
// many connections to one server on 127.0.0.0/8 further addresses of that network are taken, each
// up to a quarter of its ports. The kernel looks for a free one among every other port first:
// 15,000 connections from one address took it 75 us each, from three addresses 33 us.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/problem.h"
#include "load/client/dial.h"
#include "load/client/source_ranges.h"
#include "load/pacing/part.h"
#include "net/socket_end.h"

namespace utakata::load {

// How many addresses `text` names, as Sources::use() reads it. Problem: likewise.
Expected<std::uint64_t> count_of_sources(std::string_view text);
std::uint32_t ephemeral_ports();  // how many this machine has for connections from one address

class Sources {
 public:
  using Dial = std::expected<net::Descriptor, Failure> (*)(const net::TcpAddress& to,
                                                           const net::TcpAddress& source);
  explicit Sources(std::uint32_t ports = ephemeral_ports(), Dial dial = dial_tcp);
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  // From now on; `text` as read_sources() takes it, empty: none are named. One of several workers
  // keeps to its part. Problem `invalid`, with all as it was: as read_sources(); or an address that
  // is not this machine's.
  Expected<void> use(std::string_view text, Part part);

  // Connecting; as dial_tcp(). Where all ports of an address are taken the next ones are tried, 8
  // in all. Who closes the line says so.
  std::expected<Line, Failure> dial(const net::TcpAddress& to);
  void closed(Line& line);

 private:
  struct Named {
    SourcePart part{};
    std::uint64_t turn = 0;
  };
  struct Use {  // of one address for one server
    std::uint32_t open = 0, most = 0;
  };
  Named& named_for(const net::TcpAddress& to);
  std::expected<Line, Failure> dial_named(Named& named, const net::TcpAddress& to);
  std::expected<Line, Failure> dial_spread(const net::TcpAddress& to);
  Failure no_ports(const net::TcpAddress& to, std::uint64_t sources) const;

  const std::uint32_t ports_;
  const Dial dial_;
  std::array<Named, 4> named_{};  // by IPv4 or IPv6, loopback or not
  SourcePart spread_;
  Part part_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> servers_;  // of 127.0.0.0/8: uses
  std::vector<Use> uses_;  // the first address of a server is the kernel's choice
};

}  // namespace utakata::load
