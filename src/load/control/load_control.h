// A run, seen and steered over HTTP while it goes on. Loop thread only.
//
//   GET /           a page that shows it         POST /pause  POST /resume
//   GET /status     JSON (status_json.h)         POST /more?factor=1.5  times as many as planned
//   GET /metrics    Prometheus                   POST /stop             again: at once
//
// Who asks from this machine needs no token while it listens on loopback only; a page of another
// site in a browser here (Origin), or a name of somebody else's that resolves here (Host: DNS
// rebinding), is refused. With a token all must show it: `Authorization: Bearer TOKEN`; on
// another address than loopback there is no other way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/problem.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace utakata::load {

struct ControlOptions {
  std::string host = "127.0.0.1";  // an address
  std::uint16_t port = 0;          // any free one
  std::string token;               // "": none
};
// Of "127.0.0.1:7171", "[::1]:0", "localhost:0", or of a port alone. `invalid`: it is none of them.
Expected<ControlOptions> control_options(const std::string& listen, std::string token);

class LoadControl {
 public:
  struct Calls {
    std::function<std::string()> status, metrics;  // what they answer
    std::function<bool(bool is_paused)> pause;     // false: it is not running
    std::function<bool(double factor)> more;       // likewise
    std::function<void()> stop;
  };
  // Problems are those of HttpServer::listen(), and `refused`: it would listen to others than this
  // machine without a token.
  static Expected<std::unique_ptr<LoadControl>> listen(net::Loop& loop, ControlOptions options,
                                                       Calls calls);
  std::string url() const;

 private:
  LoadControl(net::Loop& loop, ControlOptions options, Calls calls);
  void answer(const net::HttpRequest& request, net::HttpReply reply);
  bool admits(const net::HttpRequest& request, net::HttpReply& reply) const;
  void order(const net::HttpRequest& request, net::HttpReply reply);

  ControlOptions options_;
  Calls calls_;
  net::HttpServer server_;
};

}  // namespace utakata::load
