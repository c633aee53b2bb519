// A tenant as its file says: what its clients may do, and who is told of what happens.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "realtime/pusher/app.h"
#include "realtime/webhook/webhooks.h"
#include "wire/redis_address.h"

namespace utakata::realtime {

// Servers of Node's Socket.IO that share the tenant's clients, over their Redis.
struct NodeClusterSpec {
  wire::RedisAddress redis{};
  std::string key = "socket.io";  // what begins their channels
  bool operator==(const NodeClusterSpec&) const = default;
};

struct Tenant {
  TenantSpec spec;
  std::vector<WebhookSpec> webhooks{};
  std::optional<NodeClusterSpec> node{};
};

}  // namespace utakata::realtime
