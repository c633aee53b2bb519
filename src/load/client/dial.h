// Connections of the virtual users: dialled without waiting, each from the address it is to come
// from.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "net/descriptor.h"
#include "net/socket_end.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace utakata::load {

// Connecting, or connected: it can be written to then, and connect_failure() tells which. A source
// of size 0: the kernel chooses. Problem `unavailable`: it cannot even be tried.
Expected<net::Descriptor> dial_tcp(const net::TcpAddress& to, const net::TcpAddress& source);
int connect_failure(int socket);  // an errno; 0: it is connected
std::string error_text(int number);

// A connection, in the clear or by TLS, and what became of reading and writing. Gone when it goes.
struct Line {
  net::Descriptor socket{};
  std::unique_ptr<net::TlsStream> tls{};  // none: in the clear
  net::Moved send(std::string_view bytes) const;
  net::Moved receive(std::span<char> into) const;
};

}  // namespace utakata::load
