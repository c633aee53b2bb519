// An HTTP/1.1 server on a Loop (RFC 9110, RFC 9112): keep-alive, pipelining, limits on header, body
// and time. Every callback runs on the loop's thread. Beast's parser (wire/http1.h) reads, our own
// direct send() writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "net/descriptor.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace utakata::net {

// Views into the connection's buffer: valid until the handler returns. Copy what is needed later.
class HttpRequest {
 public:
  virtual ~HttpRequest() = default;
  std::string_view method, path, query;  // target split at `?`; the path is not percent-decoded
  std::string_view body;
  std::string_view peer;  // the other end's address without its port
  bool from_loopback = false;
  bool is_tls = false;
  virtual std::string_view header(std::string_view name) const = 0;  // any case; empty where absent
};

struct HttpAnswer {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string_view headers{};  // further whole lines, each ended by CRLF
  std::string_view body{};
};

// The right to answer one request, once, now or later, on the loop's thread. Pipelined requests are
// answered in order whatever the order of the calls. Dropped unanswered, it answers 500. Cheap to
// move; outlives its connection safely.
class HttpReply {
 public:
  class Target;
  HttpReply(std::shared_ptr<Target> target, std::uint64_t number);
  HttpReply(HttpReply&&) noexcept;
  HttpReply& operator=(HttpReply&&) noexcept;
  ~HttpReply();
  void send(const HttpAnswer& answer);
  // For answers that go on, such as `logs -f`: head now, then chunks (RFC 9112 section 7.1), then
  // the end.
  void begin(int status, std::string_view content_type, std::string_view headers = {});
  bool write(std::string_view chunk);  // false: the client is gone, or reads too slowly and was cut
  void end();
  // What was written goes now, not at the end of the loop's turn: before what others are answered
  // after it.
  void push();
  // Bytes written that the kernel has not taken yet: who has more to write than the backlog holds
  // waits until there are few.
  std::size_t unsent() const;
  // `call`, once and later, when the client has gone before the answer: its connection was lost,
  // cut or reset, or it has said that it sends no more (FIN). One that has only half-closed counts
  // as gone too, since nobody can tell the difference; it still gets the answer that is sent.
  // Forgotten as soon as the reply is sent, ended or dropped; `call` must not own the reply.
  void on_gone(std::function<void()> call);

 private:
  std::shared_ptr<Target> target_;
  std::uint64_t number_ = 0;
};

struct HttpLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 1024 * 1024;
  Duration header_time{10s};  // from the first byte to the end of the header; slow senders are cut
  Duration body_time{30s};
  Duration idle_time{75s};                      // between requests
  std::size_t connections = 10'000;             // the oldest idle one is closed to make room
  std::size_t backlog_bytes = 8 * 1024 * 1024;  // unread answers of one connection
};

struct TlsFiles {
  std::string certificate, key;  // PEM; watched and reloaded without a restart
  Duration look_every{2s};
};

struct ListenOptions {
  bool shares_port = false;  // with other processes of this user that say so too (SO_REUSEPORT)
};

class HttpServer {
 public:
  using Handler = std::function<void(const HttpRequest& request, HttpReply reply)>;
  // The request may become a WebSocket (RFC 6455 section 4.2.1 holds). The socket is the taker's
  // from now on, nothing of an answer is sent; the request is valid in the call.
  using Upgrade = std::function<void(const HttpRequest& request, TcpPeer peer, Descriptor socket)>;
  // The same over TLS: what the socket carries goes through `tls`, whose handshake is done. It goes
  // before the socket does.
  using UpgradeTls = std::function<void(const HttpRequest& request, TcpPeer peer, Descriptor socket,
                                        std::unique_ptr<TlsStream> tls)>;
  // Is this request for another process? The body may not have come, and is empty here.
  using Wants = std::function<bool(const HttpRequest& request)>;
  // `bytes`: all that were read from the request's first one on, its head as it came.
  using Take = std::function<void(TcpPeer peer, std::string bytes, Descriptor socket)>;
  HttpServer(Loop& loop, Handler handler, HttpLimits limits = {});
  ~HttpServer();  // closes everything at once
  // Problems: `conflict` (the port is taken), `invalid` (no such address, unreadable certificate).
  // Port 0: any free one.
  Expected<std::uint16_t> listen(const std::string& host, std::uint16_t port,
                                 const ListenOptions& options = {});
  Expected<std::uint16_t> listen_tls(const std::string& host, std::uint16_t port,
                                     const TlsFiles& files, const ListenOptions& options = {});
  // Before listen(). Unset: who asks to go on as a WebSocket is answered as if it had not asked.
  // Over TLS such a request is refused with 501, unless there is somebody for those.
  void on_upgrade(Upgrade take);
  void on_upgrade_tls(UpgradeTls take);
  // Before listen(). Where `wants` says so the connection leaves this server before anything of an
  // answer is sent, and is the taker's. Behind requests that are unanswered it waits until their
  // answers are sent; then it is asked again. Over TLS nobody is asked.
  void on_divert(Wants wants, Take take);
  // Goes on with a connection that was diverted elsewhere, as if it had been accepted here and
  // `bytes` had been read: later, from the loop. Its first request is not diverted again. The
  // socket is one that does not block. Where the server is full and none is idle it is closed.
  void adopt(TcpPeer peer, std::string_view bytes, Descriptor socket);
  std::size_t connections() const;  // open now
  // From now on what is answered is sent at the end of the loop's turn, of all connections
  // together, and `before` is called first. False: it is not sent, but its connections are closed.
  void send_together(std::function<bool()> before);
  // Hears of certificates read anew, and of those that could not be. Nobody hears them otherwise.
  void on_notice(std::function<void(const std::string& sentence)> say);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
