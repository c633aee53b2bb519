// One of the servers of a Node cluster over its Redis: npm's @socket.io/redis-adapter 8 (not the
// sharded one, and not a Redis Cluster) and @socket.io/redis-emitter 5. It hears what they say,
// answers what they ask, and says what it is given (socketio/node_cluster.h).
//
// While its two connections (pair.h) are made anew, what others say is lost, as it is for a Node
// server; what is to be said waits. What was sent and not confirmed is not sent again: at most
// once. Loop thread only.
//
// Who may publish on this Redis may say anything, and its clients are made to join anything.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "net/loop.h"
#include "realtime/redis/pair.h"
#include "realtime/socketio/node_cluster.h"
#include "wire/redis_address.h"

namespace utakata::realtime {

struct NodePeersSettings {
  wire::RedisAddress address{};
  std::string key = "socket.io";  // what the adapters' option `key` says
  std::vector<std::string> spaces{"/"};
  // Broadcasts of other processes of ours, too. False: a bus tells what they publish.
  bool hears_kin = true;
  RedisPatience patience{};
  std::size_t waiting_bytes = 4 * 1024 * 1024;  // of what is to be sent and not confirmed yet
};

class NodePeers {
 public:
  struct Calls {  // all outside of publish()
    std::function<void(const NodeBroadcast&)> heard;
    std::function<void(const std::string& space, const NodeRequest&)> obey;
    // For what they ask: those here of the namespace.
    std::function<std::vector<NodeSocket>(const std::string& space, const NodeRooms&)> sockets;
    std::function<std::vector<std::string>(const std::string& space)> rooms;
  };
  NodePeers(net::Loop& loop, NodePeersSettings settings, Calls calls);  // connects by itself
  ~NodePeers();  // not in one of its calls; none comes after it
  NodePeers(const NodePeers&) = delete;
  NodePeers& operator=(const NodePeers&) = delete;

  // The uid is set here. False, and dropped: it is no event (node_bytes), or too much waits.
  bool publish(NodeBroadcast&& broadcast);

  bool is_joined() const;  // all is subscribed to: Node servers count on its answers
  // Why it is not joined, or what Redis refused last; `unavailable`. None: nothing is wrong.
  const std::optional<Problem>& trouble() const;
  std::size_t dropped() const;  // of what was to be published, and of what came and was none

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::realtime
