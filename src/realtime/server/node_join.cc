#include "realtime/server/node_join.h"

#include <utility>

namespace utakata::realtime {

std::unique_ptr<NodePeers> join_node(net::Loop& loop, const NodeClusterSpec& spec,
                                     const std::vector<std::string>& spaces, App& app,
                                     bool has_bus) {
  NodePeersSettings settings{.address = spec.redis, .key = spec.key, .hears_kin = !has_bus};
  settings.spaces.insert(settings.spaces.end(), spaces.begin(), spaces.end());
  auto peers = std::make_unique<NodePeers>(
      loop, std::move(settings),
      NodePeers::Calls{
          .heard = [&app](const NodeBroadcast& broadcast) { app.hears(broadcast); },
          .obey =
              [&app, &loop](const std::string& space, const NodeRequest& request) {
                app.socketio().obeys(space, request, loop.turn_time());
              },
          .sockets = [&app](const std::string& space,
                            const NodeRooms& to) { return app.socketio().sockets(space, to); },
          .rooms = [&app](const std::string& space) { return app.socketio().rooms(space); }});
  app.on_publish([to = peers.get()](NodeBroadcast&& broadcast) {
    (void)to->publish(std::move(broadcast));  // it counts what it drops
  });
  return peers;
}

}  // namespace utakata::realtime
