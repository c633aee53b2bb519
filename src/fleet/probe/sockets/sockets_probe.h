// Counts an instance's connections as the kernel sees them: nothing is asked of the instance
// itself.
//
// answered   somebody listens on its port and, where a readiness path is named, it answers 2xx.
// Where none is named, the kernel goes on answering for a frozen program; but somebody is then seen
// to wait for it (unaccepted, or unread). Such a one is knocked at: it must take our connection out
// of the backlog within the deadline, whatever protocol it speaks. Who is frozen while nobody wants
// anything of it is noticed when somebody does. Or, of a suspect whose cluster names a handshake, a
// 101 came
// ready      of a starting one: answered, and the listener is its own. Of others: answered
// metrics    [0] is the count; the kernel knows no others
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fleet/model/stack.h"
#include "fleet/probe/ask/asking.h"
#include "fleet/probe/listener.h"
#include "fleet/probe/probe.h"
#include "fleet/probe/sockets/knock.h"
#include "fleet/probe/sockets/socket_table.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

class SocketsProbe final : public Probe {
 public:
  // Where an instance is asked and knocked at, in place of its address's host: the address that the
  // table knows it by. None: not known yet, which is a miss.
  using ReachedAt = std::function<std::optional<std::string>(std::string_view handle)>;
  SocketsProbe(net::Loop& loop, net::HttpClient& client, SocketTable& table,
               const ClusterSpec& spec, ListenerCheck listener = {}, ReachedAt reached_at = {});
  ~SocketsProbe() override;
  void look(std::span<const ProbeTarget> targets, Duration deadline,
            std::function<void(std::vector<Sight>)> done) override;

 private:
  struct Looked {
    Sight sight;
    bool is_well = true, shakes_hands = false;
  };
  struct Door {
    Knock knock;
    std::uint32_t index = 0;  // in looked_
    bool is_new = true;       // not left closed by an earlier look
  };
  std::vector<ProbeTarget> where_reached(std::span<const ProbeTarget> targets) const;
  void count(const ProbeTarget& target, const Expected<void>& table, Looked& looked) const;
  void ask(const ProbeTarget& target, std::uint32_t index);
  void knock(std::span<const ProbeTarget> targets);
  void hear_doors();
  std::vector<net::OwnConnection> own_connections() const;
  void end();

  net::Loop& loop_;
  SocketTable& table_;
  const ReadySpec ready_;
  const std::vector<std::string> headers_{"User-Agent: utakata-probe"};
  const std::size_t metrics_;
  const ListenerCheck listener_;
  const ReachedAt reached_at_;
  Asking asking_;
  const int own_number_;  // our connections, in the table
  std::vector<Looked> looked_;
  std::unordered_map<std::string, Door> doors_;  // by instance: not opened yet
  Instant ends_at_{};
  Duration deadline_{}, pause_{};  // the latter: until the doors are tried next
  net::Loop::TimerId timer_ = 0;
  std::function<void(std::vector<Sight>)> done_;
};

}  // namespace utakata
