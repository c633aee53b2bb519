// A tenant as its file says: what its clients may do, and who is told of what happens.
#pragma once

#include <vector>

#include "realtime/pusher/app.h"
#include "realtime/webhook/webhooks.h"

namespace utakata::realtime {

struct Tenant {
  TenantSpec spec;
  std::vector<WebhookSpec> webhooks{};
};

}  // namespace utakata::realtime
