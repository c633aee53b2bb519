// Sends one tenant's webhooks when they are due. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/curl/http_client.h"
#include "net/loop.h"
#include "realtime/webhook/webhooks.h"

namespace utakata::realtime {

class WebhookSender {
 public:
  // `client` outlives it. What waits when it is destroyed is not sent any more.
  WebhookSender(net::Loop& loop, net::HttpClient& client, TenantKey key,
                std::vector<WebhookSpec> hooks);
  ~WebhookSender();
  void occurred(const WebhookEvent& event);
  WebhookCounts counts() const { return webhooks_.counts(); }
  bool is_for(const TenantKey& key, const std::vector<WebhookSpec>& hooks) const {
    return key == key_ && hooks == hooks_;
  }

 private:
  void send();
  void wait();

  net::Loop& loop_;
  net::HttpClient& client_;
  const TenantKey key_;
  const std::vector<WebhookSpec> hooks_;
  Webhooks webhooks_;
  net::Loop::TimerId timer_ = 0;
  std::optional<Instant> timer_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata::realtime
