// One tenant's webhooks: what happens on its channels is told to its own server by HTTP POST, as
// Pusher Channels documents it ("Webhooks": body, events, signature, "retry with exponential
// backoff for 5 minutes"; "Channels Webhook Timeouts and Retries": 4 seconds to answer; "Why Is My
// Server Not Receiving Webhooks": who is back within 3 seconds was not away).
//
// It plans and never sends: due() says what to POST, the caller does it and tells answered(). Each
// hook has its own queue and one POST under way at most, so that a slow server holds up nobody
// else's and each hears a channel's events in their order. A body may come twice: who has read it
// and did not say so in time gets it again.
//
// Pure; one thread; `now` never goes back. Nothing is kept on disk: what waits ends with the
// process. Memory per hook is bounded by WebhookLimits, about 50 MiB with what is given there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "realtime/pusher/signature.h"
#include "realtime/webhook/event.h"
#include "realtime/webhook/grace.h"
#include "realtime/webhook/outbox.h"

namespace utakata::realtime {

struct WebhookSpec {
  std::string url;                                 // http:// or https://; a secret: not for logs
  std::vector<WebhookEvent::Kind> kinds{};         // empty: all
  std::string filter_by_prefix, filter_by_suffix;  // of channel names; both must fit; empty: any
  std::vector<std::string> headers{};              // "Name: value", more than our own
  bool operator==(const WebhookSpec&) const = default;
};

// None: it can be used. `invalid`: the URL is none, or a header would change our own or is not one.
std::optional<Problem> webhook_fault(const WebhookSpec& spec);

struct WebhookLimits {  // of one hook
  GraceLimits grace{};
  OutboxLimits outbox{};
};

// A server that has not answered by then has failed.
inline constexpr Duration webhook_answer_within{4s};

class Webhooks {
 public:
  // Specs with a fault are a bug of the caller. `jitter`: in [0, 1), see WebhookOutbox; without,
  // retries come on the second.
  Webhooks(
      TenantKey key, std::vector<WebhookSpec> hooks, WebhookLimits limits = {},
      std::function<double()> jitter = [] { return 0.0; });

  // O(hooks), and O(log of what waits) for each that is to hear of it.
  void occurred(const WebhookEvent& event, Instant now);

  struct Delivery {
    std::uint64_t id;  // of this attempt; never used again
    std::string url;
    // "Name: value": Content-Type, X-Pusher-Key, X-Pusher-Signature (HMAC-SHA-256 of the body by
    // the app's secret) and those of the spec.
    std::vector<std::string> headers;
    std::string body;  // {"time_ms":1700000000000,"events":[{"name":"channel_occupied",...},...]}
  };
  // What to POST now. Each must be answered, or its hook hears nothing more. `wall`: for time_ms.
  std::vector<Delivery> due(Instant now, WallTime wall);
  // `is_taken`: the status was 2xx. An id that is not under way is not a failure: nothing changes.
  void answered(std::uint64_t id, bool is_taken, Instant now);
  // When due() may have something, for a timer; after due(now) it is later than `now`. To be asked
  // again after each call of the three above. None: nothing will be due before the next of them.
  std::optional<Instant> next_due() const;

  WebhookCounts counts() const;  // of all hooks, since the start
  const WebhookCounts& counts(std::size_t hook) const { return hooks_.at(hook).outbox.counts(); }
  std::size_t waiting() const;  // events that are not yet sent nor dropped, once for each hook

 private:
  struct Hook {
    WebhookSpec spec;
    WebhookGrace grace;
    WebhookOutbox outbox;
    std::uint64_t under_way = 0;  // an id; 0: none
    bool tells(WebhookEvent::Kind kind) const;
    bool takes(const WebhookEvent& event) const;
    std::optional<Instant> next_due(Duration batch_for) const;
  };
  void settled(Hook& hook);  // what is in settled_ goes to its outbox
  Delivery delivery(Hook& hook, const std::string& body);

  const TenantKey key_;
  const WebhookLimits limits_;
  const std::function<double()> jitter_;
  std::deque<Hook> hooks_;  // in the order of the specs
  std::uint64_t last_id_ = 0;
  std::vector<WebhookGrace::Settled> settled_;  // empty between calls; keeps its memory
};

}  // namespace utakata::realtime
