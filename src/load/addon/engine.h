// One process's load engine, on Node's own loop: its sockets, and what was measured. What happens
// is told to functions of JavaScript by their names.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <memory>
#include <string>
#include <vector>

#include "load/addon/caller.h"
#include "load/addon/http.h"
#include "load/addon/users.h"
#include "load/client/sources.h"
#include "load/client/websockets.h"
#include "load/statistics/metrics.h"
#include "net/loop.h"
#include "net/tls.h"

namespace utakata::load {

// What sockets measure themselves, under k6's names where it has one.
struct SocketMetrics {
  explicit SocketMetrics(Metrics& all);
  Metrics& all;
  const MetricId tcp, handshake, connecting, first_message;  // trends
  const MetricId sessions, sent, received, bytes_sent, bytes_received;

  void opened(const WebSocketOpened& opened) const;
  void said(std::size_t bytes) const;
  void heard(std::size_t bytes) const;
  void ended(const WebSocketEnd& end) const;
};

class Engine {
 public:
  // `functions` has what is called: see engine.cc, http.cc and users.cc.
  Engine(napi_env env, uv_loop_s* uv, napi_value functions);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Whom connections by TLS believe, from now on; until it is called: whom the system does.
  // Problem: as TlsDialler::open().
  Expected<void> trust(const net::TlsTrust& trust);
  Expected<const net::TlsDialler*> tls();

  bool send(Slot slot, wire::WebSocketKind kind, std::string_view payload);
  Sources& sources() { return sources_; }
  WebSockets& sockets() { return sockets_; }
  HttpRequests& http() { return http_.requests(); }
  void abort(RequestId id, bool is_late) { http_.abort(id, is_late); }
  Metrics& metrics() { return metrics_; }
  // Users begin so soon; those of an earlier plan are forgotten.
  void begin(const LoadPlan& plan, Part part, Duration in);
  Users* users() { return users_.get(); }

  std::string text;  // for conversions of arguments

 private:
  void opened(Slot slot, const WebSocketOpened& opened);
  void message(Slot slot, wire::WebSocketKind kind, std::string_view payload);
  void ended(Slot slot, const WebSocketEnd& end);

  net::Loop loop_;
  std::vector<std::unique_ptr<net::TlsDialler>> diallers_;  // the last one is in use
  Caller caller_;
  Metrics metrics_;
  const SocketMetrics measured_;
  Sources sources_;
  WebSockets sockets_;
  Http http_;
  std::unique_ptr<Users> users_;
};

}  // namespace utakata::load
