// Reads an instance's numbers over HTTP: one GET, JSON or Prometheus text, on a connection that is
// kept.
//
// answered   the count was told within the deadline and is usable; or, of a suspect whose cluster
// names a handshake, a 101 came:
//            it is alive, though uncounted
// ready      of a starting one: the listener is its own, the readiness path (if named) answered
// 2xx, and the count was told: whom
//            we cannot count we do not open. Of others: answered
// problem    why not answered or not ready; or which other number was named and not told
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fleet/model/stack.h"
#include "fleet/probe/ask/asking.h"
#include "fleet/probe/http/reader.h"
#include "fleet/probe/listener.h"
#include "fleet/probe/probe.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

class HttpProbe final : public Probe {
 public:
  // For CountSpec::Kind::http and prometheus. The client keeps a connection for each instance:
  // leave it room.
  HttpProbe(net::Loop& loop, net::HttpClient& client, const ClusterSpec& spec,
            ListenerCheck listener = {});
  void look(std::span<const ProbeTarget> targets, Duration deadline,
            std::function<void(std::vector<Sight>)> done) override;

 private:
  struct Looked {
    Sight sight;
    bool is_starting = false;
    bool listens = true, is_ready = true, shakes_hands = false;
  };
  void ask(const ProbeTarget& target, std::uint32_t index);
  void on_count(std::uint32_t index, Expected<net::HttpResult> result);
  void on_ready(std::uint32_t index, const Expected<net::HttpResult>& result);
  void end();

  net::Loop& loop_;
  const CountSpec count_;
  const ReadySpec ready_;
  const std::unique_ptr<CountReader> reader_;
  const std::vector<std::string> headers_;
  const std::size_t answer_bytes_max_;
  const ListenerCheck listener_;
  Asking asking_;
  std::vector<Looked> looked_;
  std::function<void(std::vector<Sight>)> done_;
};

}  // namespace utakata
