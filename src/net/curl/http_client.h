// HTTP out, by libcurl's multi interface driven by a Loop. For probes, telling instances, webhooks, engines.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "net/loop.h"

namespace utakata::net {

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  Duration deadline{5s};
  std::size_t answer_bytes_max = 1024 * 1024;  // more is refused: an instance must not fill our memory
  std::string unix_socket;                     // path; empty: TCP
};

struct HttpResult {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
};

// Loop thread only; no call blocks. Connections are kept and used again. Redirects are not followed.
class HttpClient {
 public:
  using Done = std::function<void(Expected<HttpResult>)>;
  using CallId = std::uint64_t;
  explicit HttpClient(Loop& loop, std::size_t kept_connections = 4096);
  ~HttpClient();  // calls under way end without `done`
  // `done` is called once, never before call() has returned. Problems: `timed_out`, `unavailable` (no connection), `refused`
  // (the answer broke the protocol or a limit), `invalid` (the URL).
  CallId call(HttpCall call, Done done);
  void cancel(CallId id);  // without `done`

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
