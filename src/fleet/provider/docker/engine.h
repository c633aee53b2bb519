// What the Docker Engine is asked (Engine API 1.41), over its unix socket or by TCP and TLS, and
// how it says no.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/model/stack.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

// Loop thread only; no call blocks. Whatever is under way ends without an answer when this does.
class Engine {
 public:
  using Json = nlohmann::json;
  // Null where the answer has no body. Problems: `not_found` (404), `conflict` (409), `invalid`
  // (400), `unavailable` with retry (nobody answers, TLS fails, or it answers 500: what was asked
  // may have been done all the same), `timed_out` with retry, `refused` (anything else, as an
  // answer that is no JSON). A message begins with "docker: " and carries what the Engine said.
  using Done = std::function<void(Expected<Json>)>;

  Engine(net::Loop& loop, EngineAddress address);
  ~Engine();

  struct Order {
    std::string method = "GET";
    std::string path;  // "/containers/json?all=1", escaped
    std::string body = {};
    std::string body_file = {};  // sent instead: net::HttpCall
    std::string type = "application/json";
    Duration deadline{10s};
  };
  void ask(Order order, Done done);
  // Follows an answer that does not end. `piece` gets its bytes in order, first an empty view when
  // it has begun; `ended` is called once, with the reason. May be forgotten inside both.
  using FollowId = std::uint64_t;
  FollowId follow(std::string path, std::function<void(std::string_view)> piece,
                  std::function<void(Problem)> ended);
  void forget(FollowId id);

 private:
  struct Followed;
  net::HttpCall call_to(const std::string& path) const;
  Problem unreached(Problem why) const;
  void serve(FollowId id);

  net::Loop& loop_;
  const EngineAddress address_;
  FollowId last_ = 0;
  std::map<FollowId, std::shared_ptr<Followed>> followed_;
  net::HttpClient client_;
};

// The connection that every call to it needs, for who makes one of his own: url without a path,
// path of the unix socket, and PEM files; empty where there is none.
struct EngineConnection {
  std::string url, unix_socket, ca, certificate, key;
};
EngineConnection engine_connection(const EngineAddress& address);

// As a part of a query: `{"label":["a=b"]}` as a filter.
std::string query_escaped(std::string_view text);

}  // namespace utakata
