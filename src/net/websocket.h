// An open WebSocket (RFC 6455) on a Loop, either end. WebSocketServer and WebSocketClient make
// them. No extension.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "net/descriptor.h"
#include "net/loop.h"
#include "net/tls.h"
#include "wire/websocket.h"

namespace utakata::net {

struct WebSocketSettings {
  std::size_t message_bytes = 1024 * 1024;  // received; larger ones end the connection with 1009
  std::size_t backlog_bytes = 1024 * 1024;  // unsent; who reads more slowly than that is cut
  Duration ping_every{20s};   // who has sent nothing at all since the last ping is cut; 0: no pings
  Duration close_within{5s};  // how long the other end may take to answer a close
};

// How it ended: the other end's code and reason where it sent them (`is_clean`), what it broke
// where we refused it, and 1006 where the connection was lost or cut.
struct WebSocketEnd {
  std::uint16_t code = wire::websocket_code::cut;
  std::string reason{};
  bool is_clean = false;
};

// Loop thread only. Pings are answered by themselves.
class WebSocket {
 public:
  struct Calls {
    std::function<void(wire::WebSocketKind kind, std::string_view payload)>
        message;  // the view is valid in the call
    std::function<void(const WebSocketEnd& end)>
        ended;  // once, never inside a call of ours; the last call
  };

  // For WebSocketServer and WebSocketClient. `received` is what came right behind the handshake;
  // `while_open` is let go when the socket is closed; with `tls`, whose handshake is done, all goes
  // through that.
  WebSocket(Loop& loop, Descriptor socket, wire::WebSocketRole role,
            const WebSocketSettings& settings, std::string received = {},
            std::shared_ptr<void> while_open = {}, std::unique_ptr<TlsStream> tls = {});
  ~WebSocket();  // cuts at once, without `ended`; may happen inside any of the calls

  // To be called once; nothing is read before.
  void start(Calls calls);
  // False: closed or closing, or cut because the backlog is full. True is no proof of arrival. Text
  // must be UTF-8.
  bool send(wire::WebSocketKind kind, std::string_view payload);
  bool ping(std::string_view payload = {});  // at most 125 bytes
  // Begins the close handshake; messages may still arrive. Again, or after the end: no effect.
  void close(std::uint16_t code = wire::websocket_code::normal, std::string_view reason = {});
  bool is_open() const;         // may send() succeed?
  std::size_t backlog() const;  // bytes the socket has not taken

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace utakata::net
