// The WebSockets of the virtual users of one process (RFC 6455, client side): thousands that are
// idle cost little, and each event is told at once. Loop thread only; no call blocks.
//
//   connecting --> [encrypting] --> handshaking --> open -- close(), or theirs --> closing --> gone
//       |              |               |            |
//       +--------------+---------------+------------+-- failed, refused, lost, too late --> gone
//
// Who dials has looked the name up already: addresses are what is dialled, each in turn until one
// takes us. Messages are compressed where that is asked for and agreed on (RFC 7692), without
// context: one Deflater and one Inflater serve all. Idle: about 320 bytes, compressed or not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "load/client/dial.h"
#include "load/client/failure.h"
#include "load/client/sources.h"
#include "net/loop.h"
#include "net/socket_end.h"
#include "net/tls.h"
#include "wire/deflate.h"
#include "wire/websocket.h"

namespace utakata::load {

using Slot = std::uint32_t;  // small, and used again once it is free

struct WebSocketDial {
  std::vector<net::TcpAddress> addresses{};  // at least one
  std::string host{};                        // of the Host header: name and port
  std::string target{};                      // path and query
  std::string headers{};                     // further whole lines, each ended by CRLF
  Duration deadline{30s};                    // until the handshake is done
  const net::TlsDialler* tls = nullptr;      // none: in the clear
  std::string name{};                        // for TLS: whom the certificate must name
  bool offers_deflate = false;
};

// How far it had come when it ended; first_message: it was open, and nothing had been said to it.
enum class Phase : std::uint8_t { connect, tls, handshake, first_message, open };

struct WebSocketEnd {
  Phase phase = Phase::connect;
  std::uint16_t code = wire::websocket_code::cut;  // as the web's CloseEvent has it
  std::string reason{};
  bool is_clean = false;
  FailureKind failure = FailureKind::none;  // of what was no close
  int status = 0;                           // of that kind: HTTP's
  std::string what{};                       // in words: "Connection refused"; empty: none
};

struct WebSocketOpened {
  std::string_view protocol{};    // the one that was chosen; empty: none. Valid in the call
  std::string_view extensions{};  // what was agreed on; likewise
  Duration connect{}, tls{}, handshake{};
};

class WebSockets {
 public:
  struct Calls {
    std::function<void(Slot, const WebSocketOpened&)> opened;
    std::function<void(Slot, wire::WebSocketKind, std::string_view payload)>
        message;                                  // valid in it
    std::function<void(Duration)> first_message;  // before that of the first: since it was open
    // Once for each that was dialled, never within a call of ours; the slot is free afterwards.
    std::function<void(Slot, const WebSocketEnd&)> ended;
  };
  struct Limits {
    std::size_t message_bytes = 64 * 1024 * 1024;  // received, and inflated
    std::size_t backlog_bytes = 64 * 1024 * 1024;  // unsent: beyond it is cut
    Duration close_within{5s};                     // how long theirs may take to answer a close
  };
  // `sources` outlive this.
  WebSockets(net::Loop& loop, const Limits& limits, Sources& sources, Calls calls);
  ~WebSockets();  // cuts all, and tells nobody
  WebSockets(const WebSockets&) = delete;
  WebSockets& operator=(const WebSockets&) = delete;

  Slot dial(const WebSocketDial& dial);
  // False: it is not open (any more). Text must be UTF-8.
  bool send(Slot slot, wire::WebSocketKind kind, std::string_view payload);
  // Before it is open: the dialling is given up. Code 1005: none is named.
  void close(Slot slot, std::uint16_t code, std::string_view reason);
  std::size_t backlog(Slot slot) const;         // bytes that the kernel has not taken
  std::size_t backlog() const;                  // of all; O(sockets)
  std::size_t count() const { return count_; }  // dialled and not gone

 private:
  enum class State : std::uint8_t {
    connecting,
    encrypting,
    handshaking,
    open,
    closing,
    gone,
    free
  };
  struct Dialling {  // until it is open
    std::string request, answer, key;
    std::vector<net::TcpAddress> addresses{};
    std::size_t next = 0;  // of these
    bool offers_deflate = false;
    Instant begin{}, connected{}, encrypted{};
    const net::TlsDialler* tls = nullptr;
    std::string name{};
  };
  struct Backlog {
    std::string bytes{};
    std::size_t sent = 0;  // of them
    std::string_view left() const { return std::string_view(bytes).substr(sent); }
    // What is sent is moved out when it is half of all: once for each byte, however it goes.
    void take(std::size_t more) {
      sent += more;
      if (sent * 2 >= bytes.size()) bytes.erase(0, std::exchange(sent, 0));
    }
  };
  struct Socket {
    Line line;
    State state = State::free;
    Phase phase = Phase::connect;
    bool has_sent_close = false;
    std::uint8_t window_bits = 0;    // as DeflateAgreement has them; 0: nothing is compressed
    Instant until = Instant::max();  // then it is cut
    Instant opened{};
    std::unique_ptr<Dialling> dialling;
    std::unique_ptr<Backlog> backlog;   // none: all was taken
    std::unique_ptr<WebSocketEnd> end;  // as far as it is known; none: nothing is
    wire::WebSocketParser parser{wire::WebSocketRole::client};
  };
  struct Sink;
  void dial_next(Slot slot);
  void ready(Slot slot, std::uint32_t events);
  void connected(Slot slot);
  void shake_hands(Slot slot);
  void ask(Slot slot);
  void read_answer(Slot slot);
  void refused(Slot slot, std::string what);
  void read(Slot slot);
  void hear(Slot slot, std::string_view bytes);
  void take_first(Socket& socket);
  std::optional<std::string_view> deflated(const Socket& socket, std::string_view payload);
  void transmit(Slot slot, std::string_view frame);
  void flush(Slot slot);
  void send_close(Slot slot, std::uint16_t code, std::string_view reason);
  void fail(Slot slot, Failure failure, int status = 0);
  void hang_up(Socket& socket);
  void drop(Slot slot);
  void sweep();
  void end_turn();
  wire::WebSocketMask mask();
  std::string new_key();

  net::Loop& loop_;
  const Limits limits_;
  Sources& sources_;
  const Calls calls_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<Slot> free_, gone_;
  std::unique_ptr<char[]> buffer_;
  std::mt19937 random_;  // masks need not be secret here: who measures has nobody to hide from
  std::string frame_;    // being made
  std::unique_ptr<wire::Deflater> deflater_;  // both: none until they are needed
  std::unique_ptr<wire::Inflater> inflater_;
  std::size_t count_ = 0;
  net::Loop::TimerId sweep_ = 0;
  net::Loop::TurnEndId turn_end_ = 0;
};

}  // namespace utakata::load
