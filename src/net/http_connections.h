// The open connections of one HttpServer: their deadlines, the buffers that they share, and what is
// to be written before the loop sleeps. Private to net/http_server. Loop thread only.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace utakata::net {

class HttpConnection;

class HttpConnections {
 public:
  HttpConnections(Loop& loop, HttpServer::Handler handler, HttpLimits limits);
  ~HttpConnections();  // closes all
  HttpConnections(const HttpConnections&) = delete;
  HttpConnections& operator=(const HttpConnections&) = delete;

  struct Divert {
    HttpServer::Wants wants;
    HttpServer::Take take;
  };

  void add(Descriptor socket, TcpPeer peer, std::unique_ptr<TlsStream> tls);
  void adopt(Descriptor socket, TcpPeer peer, std::string_view bytes);
  void on_divert(Divert divert) { divert_ = std::move(divert); }
  void on_upgrade(HttpServer::Upgrade take) { upgrade_ = std::move(take); }
  void on_upgrade_tls(HttpServer::UpgradeTls take) { upgrade_tls_ = std::move(take); }
  void send_together(std::function<bool()> before) { before_ = std::move(before); }
  bool close_oldest_idle();  // false: none is idle
  std::size_t open() const { return open_; }

  // For the connections.
  Loop& loop() { return loop_; }
  const HttpServer::Handler& handler() const { return handler_; }
  const HttpServer::Upgrade& upgrade() const { return upgrade_; }  // unset: nobody takes them
  const HttpServer::UpgradeTls& upgrade_tls() const { return upgrade_tls_; }
  const Divert& divert() const { return divert_; }  // unset: nobody wants them
  const HttpLimits& limits() const { return limits_; }
  // Filled anew for each read, so that an idle connection keeps none.
  std::span<char> receive_buffer() { return {receive_buffer_.get(), receive_buffer_size}; }
  std::string& joined() { return joined_; }  // the answers of the connection that is being read
  std::string_view date();
  void set_deadline(std::size_t slot, Instant deadline, bool is_idle);
  void flush_at_turn_end(std::shared_ptr<HttpConnection> connection);
  bool sends_together() const { return before_ != nullptr; }
  void remove(std::size_t slot);

 private:
  static constexpr std::size_t receive_buffer_size = 64 * 1024;
  struct Slot {
    Instant deadline;
    bool is_idle;
    std::shared_ptr<HttpConnection> connection;
  };
  std::shared_ptr<HttpConnection> made(Descriptor socket, TcpPeer peer,
                                       std::unique_ptr<TlsStream> tls);
  void end_turn();
  void sweep();

  Loop& loop_;
  HttpServer::Handler handler_;
  HttpServer::Upgrade upgrade_;
  HttpServer::UpgradeTls upgrade_tls_;
  Divert divert_;
  std::function<bool()> before_;
  HttpLimits limits_;
  std::unique_ptr<char[]> receive_buffer_;
  std::string joined_;
  std::string date_;
  Instant date_until_{};
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_slots_;
  std::size_t open_ = 0;
  std::vector<std::shared_ptr<HttpConnection>> to_flush_;
  std::vector<std::shared_ptr<HttpConnection>>
      removed_;  // one may be running: freed at the turn's end
  Loop::TurnEndId turn_end_;
  Loop::TimerId sweep_ = 0;  // while any is open
};

}  // namespace utakata::net
