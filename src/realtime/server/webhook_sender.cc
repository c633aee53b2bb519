#include "realtime/server/webhook_sender.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "net/secret.h"

namespace utakata::realtime {
namespace {

// Tenants whose servers were down together do not come back in step.
std::function<double()> jitter() {
  return [random = Random(std::hash<std::string>{}(net::random_token()))]() mutable {
    return random.unit();
  };
}

}  // namespace

WebhookSender::WebhookSender(net::Loop& loop, net::HttpClient& client, TenantKey key,
                             std::vector<WebhookSpec> hooks)
    : loop_(loop),
      client_(client),
      key_(std::move(key)),
      hooks_(std::move(hooks)),
      webhooks_(key_, hooks_, {}, jitter()) {}

WebhookSender::~WebhookSender() {
  *alive_ = false;
  loop_.cancel(timer_);
}

void WebhookSender::occurred(const WebhookEvent& event) {
  webhooks_.occurred(event, loop_.turn_time());
  wait();
}

void WebhookSender::send() {
  const WallTime wall = net::SystemClock().wall();
  for (Webhooks::Delivery& one : webhooks_.due(loop_.turn_time(), wall))
    client_.call({.method = "POST",
                  .url = std::move(one.url),
                  .headers = std::move(one.headers),
                  .body = std::move(one.body),
                  .deadline = webhook_answer_within,
                  .answer_bytes_max = 64 * 1024},
                 [this, alive = alive_, id = one.id](const Expected<net::HttpResult>& answer) {
                   if (!*alive) return;
                   webhooks_.answered(id, answer && answer->status / 100 == 2, loop_.turn_time());
                   wait();
                 });
  wait();
}

// Events come by thousands: a timer that is early enough stays.
void WebhookSender::wait() {
  const auto due = webhooks_.next_due();
  if (!due || (timer_at_ && *timer_at_ <= *due)) return;
  loop_.cancel(timer_);
  timer_at_ = due;
  timer_ = loop_.after(std::max(Duration{0}, *due - loop_.turn_time()), [this] {
    timer_at_.reset();
    send();
  });
}

}  // namespace utakata::realtime
