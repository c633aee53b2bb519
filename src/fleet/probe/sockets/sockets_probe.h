// Counts an instance's connections as the kernel sees them: nothing is asked of the instance
// itself.
//
// answered   somebody listens on its port and, where a readiness path is named, it answers 2xx:
// without one a frozen process looks
//            well, for the kernel goes on accepting for it. Or, of a suspect whose cluster names a
//            handshake, a 101 came
// ready      of a starting one: answered, and the listener is its own. Of others: answered
// metrics    [0] is the count; the kernel knows no others
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "fleet/model/stack.h"
#include "fleet/probe/ask/asking.h"
#include "fleet/probe/listener.h"
#include "fleet/probe/probe.h"
#include "fleet/probe/sockets/socket_table.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

class SocketsProbe final : public Probe {
 public:
  SocketsProbe(net::Loop& loop, net::HttpClient& client, SocketTable& table,
               const ClusterSpec& spec, ListenerCheck listener = {});
  ~SocketsProbe() override { table_.forget_own(own_number_); }
  void look(std::span<const ProbeTarget> targets, Duration deadline,
            std::function<void(std::vector<Sight>)> done) override;

 private:
  struct Looked {
    Sight sight;
    bool is_well = true, shakes_hands = false;
  };
  void count(const ProbeTarget& target, const Expected<void>& table, Looked& looked) const;
  void ask(const ProbeTarget& target, std::uint32_t index);
  void end();

  net::Loop& loop_;
  SocketTable& table_;
  const ReadySpec ready_;
  const std::vector<std::string> headers_{"User-Agent: utakata-probe"};
  const std::size_t metrics_;
  const ListenerCheck listener_;
  Asking asking_;
  const int own_number_;  // our connections, in the table
  std::vector<Looked> looked_;
  std::function<void(std::vector<Sight>)> done_;
};

}  // namespace utakata
