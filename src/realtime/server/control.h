// What a server is asked about itself, and told by its controller: /healthz, /stats, /metrics,
// /drain, /lease. One of many workers of a host passes it on to the parent, who asks all. Loop
// thread only.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "realtime/host/host_bus.h"
#include "realtime/server/drain.h"

namespace utakata::realtime {

class Control {
 public:
  struct Calls {  // of this process alone
    std::function<std::string()> stats, metrics;
    std::function<void(const DrainOrder&)> drain;
    std::function<void(Duration)> lend;  // time, from now on
  };
  // `token`: who tells it shows this; empty: nobody may. `host`: outlives it; none: no workers.
  // `workers`: of that host.
  Control(std::string token, HostBus* host, std::size_t workers, Calls calls);

  // False: it is about something else, and the reply is still there.
  bool answer(const net::HttpRequest& request, net::HttpReply& reply);
  // By the parent, what one of the workers was asked or told:
  //   stats | metrics | drain JSON | lease MS
  std::string obey(std::string_view order);

 private:
  bool is_told_by_controller(const net::HttpRequest& request, net::HttpReply& reply) const;
  void take_drain(const net::HttpRequest& request, net::HttpReply reply);
  void take_lease(const net::HttpRequest& request, net::HttpReply reply);
  void all(const std::string& order, std::string_view type, net::HttpReply reply);

  const std::string token_;
  HostBus* const host_;
  const std::size_t workers_;
  const Calls calls_;
};

}  // namespace utakata::realtime
