// Dials WebSockets (RFC 6455 section 4.1). Loop thread only; no call blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "net/loop.h"
#include "net/socket_end.h"
#include "net/websocket.h"

namespace utakata::net {

struct WebSocketDial {
  std::string url;        // ws://host:port/path?query, or wss://
  std::string headers{};  // further whole lines, each ended by CRLF
  Duration deadline{5s};  // until the handshake is done, name lookup and connect included
  WebSocketSettings settings{};
  const TlsDialler* trust = nullptr;  // of wss, which needs it; outlives the dial
};

class WebSocketClient {
 public:
  using Done = std::function<void(Expected<std::unique_ptr<WebSocket>>)>;
  using DialId = std::uint64_t;
  explicit WebSocketClient(Loop& loop);
  ~WebSocketClient();  // dials under way end without `done`; open WebSockets live on; may happen
                       // inside `done`
  // `done` is called once, never before dial() has returned; whoever takes the WebSocket starts it.
  // A dropped one is cut. Problems: `timed_out`, `unavailable` (no connection, or lost), `refused`
  // (the answer is not an upgrade, or the certificate is not trusted), `invalid` (the URL). A
  // message names scheme, host and port only: a path may carry a ticket.
  DialId dial(WebSocketDial dial, Done done);
  void cancel(DialId id);  // without `done`; what has ended, or never was, is not a failure

  // Our TCP connections: those being opened, and the WebSockets handed out as long as they are
  // open.
  std::vector<OwnConnection> own_connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
