// Connections of the benches' clients: each is made, upgraded and subscribed before the next, so
// that the other end accepts them in their order. Whatever goes wrong ends the program.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "realtime/pusher/signature.h"
#include "wire/websocket.h"

namespace utakata::bench {

// Whom all of it speaks to: `--app 1:show:between-us`.
inline const realtime::TenantKey tenant{"show", "between-us"};
inline constexpr std::string_view tenant_id = "1";

enum class Dialect {
  raw,        // nothing is said
  websocket,  // upgraded at /
  socket_io,  // its WebSocket transport, its main namespace; emits `subscribe` to a named channel
  pusher      // upgraded at /app/KEY; subscribed where a channel is named
};
Dialect dialect_of(std::string_view name);

struct Place {
  std::uint16_t port;
  bool is_tls = false;                   // certificates are believed; nobody resumes a session
  std::uint32_t from = INADDR_LOOPBACK;  // each address has 28,000 ports
};
// A descriptor that does not block. Over TLS, too, what is sent goes through send_whole(); what
// comes is records then, to be counted by their bytes.
int join(Dialect dialect, const Place& place, std::string_view channel = {});
int connect_to(const Place& place);  // blocks

std::string masked_text(std::string_view text);
std::string masked_ping(std::string_view payload);
void send_whole(int socket, std::string_view bytes);  // or fails: the other end reads too slowly
// Of a connection that blocks.
std::string receive_some(int socket);
void add_to_epoll(int set, int socket, std::uint64_t tag);

std::int64_t now_ns();
[[noreturn]] void fail(const std::string& why);

}  // namespace utakata::bench
