// The engine's HTTP requests: what JavaScript calls, what it is told, and what is measured.
#pragma once

#include <node_api.h>

#include <string>

#include "load/addon/caller.h"
#include "load/client/http.h"
#include "load/statistics/metrics.h"
#include "net/loop.h"

namespace utakata::load {

// What requests measure themselves, under k6's names where it has one. A redirect is a request of
// its own.
struct HttpMetrics {
  explicit HttpMetrics(Metrics& all);
  Metrics& all;
  const MetricId requests, failed;
  const MetricId connecting, handshaking;  // trends; 0: a kept connection
  const MetricId sending, waiting, receiving, duration;
  const MetricId bytes_sent, bytes_received;

  void answered(const HttpAnswer& answer) const;
  void ended(const HttpFailure& failure) const;
};

class Http {
 public:
  // JavaScript's functions answered() and failed() are called: see http.cc.
  Http(net::Loop& loop, Sources& sources, Caller& caller, Metrics& metrics);
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  HttpRequests& requests() { return requests_; }
  // `is_late`: by a deadline of its caller's; counted as any failure is.
  void abort(RequestId id, bool is_late);

 private:
  void answered(RequestId id, const HttpAnswer& answer);
  void failed(RequestId id, const HttpFailure& failure);

  Caller& caller_;
  const HttpMetrics measured_;
  HttpRequests requests_;
};

void add_http(napi_env env, napi_value exports);  // origin, http, abort and close_pool

}  // namespace utakata::load
