// The HTTP/1.1 requests of the virtual users of one process (RFC 9110, RFC 9112; client side), over
// connections that are kept for the next one. Loop thread only; no call blocks.
//
//   connecting --> [TLS] --> sending --> waiting --> receiving --> answered
//       |            |          |           |            |
//       +------------+----------+-----------+------------+-- refused, lost, malformed, too late
//                                                            --> failed
//
// One request at a time on each connection; as many connections as there are requests under way.
// Redirects, cookies and codings are their callers'. Kept: about 200 bytes for each connection.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/instant.h"
#include "load/client/dial.h"
#include "load/client/failure.h"
#include "load/client/sources.h"
#include "net/loop.h"
#include "net/socket_end.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "wire/http1_response.h"

namespace utakata::load {

using OriginId = std::uint32_t;
using RequestId = std::uint32_t;  // small, and used again once it is told

// Where requests go to. Names are looked up by who asks; the addresses are tried in turn until one
// takes us.
struct HttpOrigin {
  std::vector<net::TcpAddress> addresses{};  // at least one
  std::string host{};                        // and port: of the Host header
  const net::TlsDialler* tls = nullptr;      // none: in the clear. It outlives us
  std::string name{};                        // for TLS: whom the certificate must name
};

struct HttpAsk {
  OriginId origin = 0;
  std::uint32_t pool = 0;  // connections are shared by requests of one number: one user's, or all
  std::string_view method{};   // as it is to be written
  std::string_view target{};   // path and query
  std::string_view headers{};  // whole lines, each ended by CRLF; Host is one, no length is
  std::optional<std::string_view> body{};
  Duration deadline{120s};  // until the answer is whole
};

// How far a request had come when it failed.
enum class HttpPhase : std::uint8_t { connect, tls, send, wait, receive };

struct HttpFailure {
  HttpPhase phase = HttpPhase::connect;
  FailureKind kind = FailureKind::none;
  std::string what{};    // in words: "Connection refused"
  bool is_late = false;  // its deadline had come
};

struct HttpTimes {
  Duration connect{}, tls{};               // what each took; 0: the connection was a kept one
  Duration sent{}, first_byte{}, whole{};  // from request() on
};

struct HttpAnswer {  // views are valid in the call
  int status = 0;
  std::string_view status_text{};
  std::string_view head{};  // as it came, first line and empty line included
  std::string_view body{};  // chunks joined
  HttpTimes times{};
  std::size_t bytes_sent = 0;
};

class HttpRequests {
 public:
  // One of both, once for each request that is not aborted, never within a call of ours; the id is
  // free afterwards.
  struct Calls {
    std::function<void(RequestId, const HttpAnswer&)> answered;
    std::function<void(RequestId, const HttpFailure&)> failed;
  };
  struct Limits {
    wire::Http1Limits answer{.header_bytes = 64 * 1024, .body_bytes = 64 * 1024 * 1024};
    Duration idle{300s};  // a connection that nobody used for so long is closed
  };
  // `sources` outlive this.
  HttpRequests(net::Loop& loop, const Limits& limits, Sources& sources, Calls calls);
  ~HttpRequests();  // cuts all, and tells nobody
  HttpRequests(const HttpRequests&) = delete;
  HttpRequests& operator=(const HttpRequests&) = delete;

  // The same number for the same host by the same TLS, wherever it has moved to: fresh connections
  // go to the addresses that were named last. Never forgotten.
  OriginId origin(const HttpOrigin& origin);
  // On a kept connection, else on a fresh one. A server may close what is kept at any time: where
  // no byte of an answer had come, a GET, HEAD or OPTIONS, and what was not sent yet, goes out once
  // more on a fresh connection.
  RequestId request(const HttpAsk& ask);
  HttpPhase abort(RequestId id);  // without a call; its connection is closed. How far it had come
  void close_pool(std::uint32_t pool);               // its connections that are kept
  std::size_t connections() const { return open_; }  // kept ones included

 private:
  using Slot = std::uint32_t;  // of a connection
  enum class State : std::uint8_t { under_way, answered, failed, free };
  struct Connection {
    Line line;
    bool has_answered = false;  // before
    bool is_awaited = false;    // by a request; else it is kept
    bool is_writing = false;    // as soon as the socket takes more
    OriginId origin = 0;
    std::uint32_t pool = 0;
    RequestId request = 0;    // whose it is, if any
    Slot before{}, behind{};  // in its pool
    Instant since{};          // kept
  };
  struct Request {
    State state = State::free;
    HttpFailure end;  // as far as it has come
    bool is_idempotent = false, is_sent = false, is_aborted = false, has_connection = false;
    OriginId origin = 0;
    std::uint32_t pool = 0;
    Slot connection = 0;
    std::uint32_t address = 0;  // of its origin's: the next to be tried
    std::string bytes;          // released once they cannot be needed again
    std::size_t sent = 0;
    wire::Http1ResponseReader reader;
    Instant begin{}, dialled{};
    HttpTimes times;
    net::Loop::TimerId deadline = 0;
  };
  RequestId new_request();
  void dial(RequestId id);
  void dial_next(RequestId id);
  void carry(Slot slot, RequestId id);
  void ready(Slot slot, std::uint32_t events);
  void connected(Slot slot);
  void shake_hands(Slot slot);
  void await_writing(Slot slot, bool is_awaited);
  void send(Slot slot);
  void read(Slot slot);
  void closed(Slot slot, net::Moved::How how);
  void finish(RequestId id);
  void fail(RequestId id, Failure failure);
  void free(RequestId id);
  std::optional<Slot> kept(const HttpAsk& ask, bool is_idempotent);
  void keep(Slot slot);
  void take(Slot slot);  // out of its pool
  void drop(Slot slot);
  void sweep();
  void end_turn();

  net::Loop& loop_;
  const Limits limits_;
  Sources& sources_;
  const Calls calls_;
  std::vector<HttpOrigin> origins_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Request>> requests_;
  std::vector<Slot> free_connections_;
  std::vector<RequestId> free_requests_, failed_;
  std::unordered_map<std::uint64_t, Slot> pools_;  // origin and pool: the one kept last
  std::unique_ptr<char[]> buffer_;
  std::size_t open_ = 0;
  net::Loop::TimerId sweep_ = 0;
  net::Loop::TurnEndId turn_end_ = 0;
};

}  // namespace utakata::load
