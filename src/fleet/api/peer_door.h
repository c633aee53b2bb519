// Where other controllers' links (peer_link.h) come in: what they ask is handed to the API as if it
// had been asked by HTTP. API loop only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/http_server.h"

namespace utakata {

class PeerDoor {
 public:
  // `before`: called before answers of a turn are sent. False: they are not, and their links are
  // cut.
  PeerDoor(net::Loop& loop, std::string token, net::HttpServer::Handler take,
           std::function<bool()> before);
  ~PeerDoor();  // cuts all
  PeerDoor(const PeerDoor&) = delete;
  PeerDoor& operator=(const PeerDoor&) = delete;

  // A request that asks to become a WebSocket. Who is not a controller is told so, and cut.
  void open(const net::HttpRequest& request, const net::TcpPeer& peer, net::Descriptor socket,
            bool is_peer, std::unique_ptr<net::TlsStream> tls = {});

 private:
  class Line;
  void end_turn();

  net::Loop& loop_;
  const std::string authorization_;
  const net::HttpServer::Handler take_;
  const std::function<bool()> before_;
  std::vector<std::shared_ptr<Line>> lines_, to_flush_;
  net::Loop::TurnEndId turn_end_;
};

}  // namespace utakata
