// For the tests of probes: one loop on which the probe and the instances it looks at live together,
// so that nothing races.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fleet/probe/probe.h"
#include "net/curl/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tcp.h"

namespace utakata {

class LoopFixture {
 public:
  net::Loop loop;
  net::HttpClient client{loop};

  // An instance that speaks HTTP. Replies that its handler keeps in `kept` are not answered.
  struct Instance {
    std::unique_ptr<net::HttpServer> http;
    std::uint16_t port = 0;
    std::vector<net::HttpReply> kept;
    std::map<std::string, int> asked;  // by path
  };
  using Answer = std::function<void(const net::HttpRequest&, net::HttpReply, Instance&)>;
  std::unique_ptr<Instance> serve(Answer answer) {
    auto made = std::make_unique<Instance>();
    Instance* one = made.get();
    one->http = std::make_unique<net::HttpServer>(
        loop,
        [one, answer = std::move(answer)](const net::HttpRequest& request, net::HttpReply reply) {
          ++one->asked[std::string(request.path)];
          answer(request, std::move(reply), *one);
        });
    one->port = one->http->listen("127.0.0.1", 0).value();
    return made;
  }
  std::unique_ptr<Instance> serve(std::string body, int status = 200) {
    return serve(
        [body = std::move(body), status](const net::HttpRequest&, net::HttpReply reply, Instance&) {
          reply.send({.status = status, .content_type = "text/plain", .headers = {}, .body = body});
        });
  }

  // An instance of bare bytes: `spoken` gets what a new connection has sent first.
  using Spoken = std::function<void(net::Descriptor& socket, const std::string& bytes)>;
  std::unique_ptr<net::TcpListener> listen(Spoken spoken) {
    auto accepted = [this, spoken = std::move(spoken)](net::Descriptor socket,
                                                       const net::TcpPeer&) {
      auto own = std::make_shared<net::Descriptor>(std::move(socket));
      const int number = own->get();
      loop.watch(number, 1 /* EPOLLIN */, [this, own, number, spoken](std::uint32_t) {
        std::string bytes(4096, '\0');
        const auto got = net::tcp_receive(number, bytes);
        bytes.resize(got.bytes);
        const auto keep = own;  // unwatch destroys this function
        loop.unwatch(number);
        spoken(*keep, bytes);
        if (*keep) held.push_back(std::move(*keep));
      });
    };
    return net::TcpListener::open(loop, "127.0.0.1", 0, {.accepted = accepted}).value();
  }
  std::vector<net::Descriptor> held;  // accepted and neither read nor closed

  std::vector<Sight> look(Probe& probe, const std::vector<ProbeTarget>& targets,
                          Duration deadline = 5s) {
    std::vector<Sight> seen;
    int times = 0;
    probe.look(targets, deadline, [&](std::vector<Sight> sights) {
      seen = std::move(sights);
      ++times;
      loop.stop();
    });
    calls_inside_look = times;
    if (times == 0) loop.run();
    return times == 1 ? seen : std::vector<Sight>{};
  }
  int calls_inside_look = 0;

  static ProbeTarget target(std::uint16_t port, bool starting = false, bool suspect = false) {
    return {.id = {"game-1"},
            .handle = "pid 1",
            .address = {"127.0.0.1", port},
            .starting = starting,
            .suspect = suspect};
  }
};

}  // namespace utakata
