// HTTP out, by libcurl's multi interface driven by a Loop. For probes, telling instances, webhooks,
// engines.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "net/loop.h"
#include "net/socket_end.h"

namespace utakata::net {

struct HttpCall {
  std::string method = "GET";
  std::string url{};
  std::vector<std::string> headers{};  // "Name: value"
  std::string body{};
  // Sent instead of `body`: a file, opened before call() returns and read, blocking, as the
  // connection takes it. `invalid`: it cannot be opened.
  std::string body_file{};
  Duration deadline{5s};  // for the whole call, name lookup and connect included
  // More is refused: an instance must not fill our memory.
  std::size_t answer_bytes_max = 1024 * 1024;
  std::string unix_socket{};  // path; empty: TCP
  // PEM files of an https url. `ca_file`: only whom this one signed is trusted; empty: whom the
  // system trusts. The other two are what we show; empty: nothing.
  std::string ca_file{}, certificate_file{}, key_file{};
  // Of an answer that does not end, such as a feed of events: where given, a 2xx answer's pieces go
  // here instead of into the result, first an empty one when its head has come. `deadline` is then
  // that of the connection only, and nothing bounds the answer. It may not call this client: post
  // to the loop instead.
  std::function<void(std::string_view)> on_piece{};
  // > 0: while the connection is silent the other host's kernel is asked so often whether it is
  // there (TCP keep-alive, in whole seconds).
  Duration keep_alive{};
};

struct HttpResult {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
};

// Loop thread only; no call blocks. Connections are kept and used again. Redirects are not
// followed, answers are not decompressed. Proxies of the environment are used, but never to reach
// loopback or a unix socket. Each kept connection is one descriptor: the process needs a limit
// (RLIMIT_NOFILE) that has room for them.
class HttpClient {
 public:
  using Done = std::function<void(Expected<HttpResult>)>;
  using CallId = std::uint64_t;
  explicit HttpClient(Loop& loop, std::size_t kept_connections = 4096);
  ~HttpClient();  // calls under way end without `done`; may be destroyed inside `done`
  // `done` is called once, never before call() has returned. Problems: `timed_out`, `unavailable`
  // (no connection, or it broke), `refused` (the answer broke the protocol or a limit, or the
  // certificate is not trusted), `invalid` (the URL, method, a header or a TLS file). Any status is
  // an answer, not a problem. A message names scheme, host and port only: paths and queries of
  // webhooks are secrets. A call on a kept connection that the other side had closed meanwhile is
  // sent once more by itself.
  CallId call(HttpCall call, Done done);
  void cancel(CallId id);  // without `done`; what has ended, or never was, is not a failure
  // How long ago the other host's kernel last acknowledged something on a call's connection: that
  // of a program that stands still does so, too, and has sent all that the program had. None: the
  // call has no connection.
  std::optional<Duration> last_acknowledged(CallId id) const;

  // Our TCP connections open or being opened now, the idle kept ones included.
  std::vector<OwnConnection> own_connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
