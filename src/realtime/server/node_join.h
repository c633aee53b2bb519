// A tenant among servers of Node's Socket.IO. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "realtime/app/app.h"
#include "realtime/redis/node_peers.h"
#include "realtime/tenants/tenant.h"

namespace utakata::realtime {

// What they say the app hears, and what is published by the app they are told. `spaces`: beside
// "/". The app outlives it; before it ends, app.on_publish({}).
std::unique_ptr<NodePeers> join_node(net::Loop& loop, const NodeClusterSpec& spec,
                                     const std::vector<std::string>& spaces, App& app,
                                     bool has_bus);

}  // namespace utakata::realtime
