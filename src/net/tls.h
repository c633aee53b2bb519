// TLS 1.2 and 1.3 for accepted and for dialled sockets, by OpenSSL 3. Loop thread only; nothing
// blocks but the reading of a few files.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "net/loop.h"
#include "net/tcp.h"

struct ssl_st;
struct ssl_ctx_st;

namespace utakata::net {

// One connection. The handshake happens within the first receives, or in handshake(). The socket
// stays the caller's, and stays the same one as long as this lives. Idle it holds no buffers.
class TlsStream {
 public:
  TlsStream(ssl_ctx_st* context, int socket);                           // of who was dialled
  TlsStream(ssl_ctx_st* context, int socket, const std::string& host);  // see TlsDialler::dial()
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Moved handshake();  // `bytes`, of which there are none: it is done
  // With room for a whole record (16 KiB) nothing stays behind that epoll would not tell of.
  Moved receive(std::span<char> into);
  // As much as the socket takes, as tcp_send() does. What was refused is offered again first, its
  // bytes the same wherever they lie by then, and no fewer: their record may be under way.
  Moved send(std::string_view bytes);
  bool is_ready() const;  // the handshake is done
  bool wants_write() const {
    return wants_write_;
  }  // receive() again once the socket can be written
  void say_goodbye();  // close_notify, as far as it goes without blocking
  // Why what was called last `failed`, in words; of who dials: "self-signed certificate", too.
  // To be asked at once: another connection's call forgets it.
  std::string failure() const;

 private:
  void attach(int socket);
  Moved result(int returned, std::size_t bytes);
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  bool wants_write_ = false;
};

// A certificate chain and its key, in PEM, read again when a file changes. What cannot be read
// leaves the old one in use; new connections get the new one, open ones keep theirs.
class TlsIdentity {
 public:
  using Say = std::function<void(const std::string& sentence)>;

  // Problem: `invalid`, with the file's name. `say` hears of each reload, and of each that failed,
  // once.
  static Expected<std::unique_ptr<TlsIdentity>> open(Loop& loop, std::string certificate,
                                                     std::string key, Say say,
                                                     Duration look_every = 2s);
  ~TlsIdentity();
  std::unique_ptr<TlsStream> accept(int socket);

 private:
  TlsIdentity(Loop& loop, std::string certificate, std::string key, Say say);
  Expected<void> load();
  std::string stamp() const;  // changes when a file does
  void look();

  Loop& loop_;
  std::string certificate_, key_;
  Say say_;
  std::string stamp_;
  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
  Loop::TimerId timer_ = 0;
};

struct TlsTrust {
  std::string ca_file{};     // of certificates that are believed, in PEM; empty: the system's
  bool is_insecure = false;  // anybody is believed to be who they say they are
};

// What connections that are dialled share. They speak HTTP/1.1, and say so (ALPN).
class TlsDialler {
 public:
  // Problem: `invalid`, with the file's name. Takes some 20 ms for the system's file.
  static Expected<std::unique_ptr<TlsDialler>> open(const TlsTrust& trust);
  // `host`: the name that the other end must have a certificate for, and is told (SNI); or its
  // address in numbers. The connection is there, or on its way.
  std::unique_ptr<TlsStream> dial(int socket, const std::string& host) const;

 private:
  explicit TlsDialler(std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context);
  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
};

}  // namespace utakata::net
