// Accepts WebSockets on a port of its own (RFC 6455 section 4.2). Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/websocket.h"
#include "wire/http1.h"

namespace utakata::net {

struct WebSocketServerSettings {
  WebSocketSettings connection{};
  std::size_t header_bytes = 16 * 1024;
  Duration handshake_within{
      10s};  // from the accept to the end of the request; slow senders are cut
  std::size_t handshakes_max = 1'000;  // under way at a time; the oldest is cut for a new one
};

class WebSocketServer {
 public:
  struct Calls {
    // May this request become a WebSocket? 0, or the HTTP status to refuse it with. Unset: any may.
    std::function<int(const wire::Http1Request& request, const TcpPeer& peer)> admit{};
    // The 101 is sent. Whoever takes the WebSocket starts it. The request's views are valid in the
    // call.
    std::function<void(const wire::Http1Request& request, const TcpPeer& peer,
                       std::unique_ptr<WebSocket> socket)>
        opened;
  };
  WebSocketServer(Loop& loop, Calls calls, const WebSocketServerSettings& settings = {});
  ~WebSocketServer();  // cuts handshakes; what was handed out lives on; not inside a call
  // Problems: those of TcpListener::open. Port 0: any free one.
  Expected<std::uint16_t> listen(const std::string& host, std::uint16_t port);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
