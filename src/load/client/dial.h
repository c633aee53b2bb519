// One connection: dialled without waiting, from the address it is to come from.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include "load/client/failure.h"
#include "net/descriptor.h"
#include "net/socket_end.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace utakata::load {

// Connecting, or connected: it can be written to then, and connect_failure() tells which. A source
// of size 0: the kernel chooses. `ports`: all of that source are taken, as far as `to` goes.
std::expected<net::Descriptor, Failure> dial_tcp(const net::TcpAddress& to,
                                                 const net::TcpAddress& source);
int connect_failure(int socket);  // an errno; 0: it is connected

// A connection, in the clear or by TLS, and what became of reading and writing. Gone when it goes.
struct Line {
  net::Descriptor socket{};
  std::uint32_t source = 0;               // for Sources
  std::unique_ptr<net::TlsStream> tls{};  // none: in the clear
  net::Moved send(std::string_view bytes) const;
  net::Moved receive(std::span<char> into) const;
};

}  // namespace utakata::load
