// What one hook is still to be told: events become bodies, one body after the other goes out, and
// what is not taken is offered again, later and later, until it is given up. Pure; one thread;
// `now` never goes back. O(1) but for the making of a body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/instant.h"
#include "realtime/webhook/event.h"

namespace utakata::realtime {

struct OutboxLimits {
  Duration batch_for{1s};          // how long a body waits for more events; zero: not at all
  std::size_t batch_events = 100;  // of one body; 1: a POST for each
  std::size_t batch_bytes = 1024 * 1024;
  // Of what is in no body yet. Beyond, the oldest are dropped. Bytes: WebhookItem::bytes().
  std::size_t queue_events = 10'000;
  std::size_t queue_bytes = 16 * 1024 * 1024;
  Duration retry_first{1s}, retry_most{60s};  // doubled from the one to the other
  Duration retry_for{5min};                   // after the first attempt; the last one is then
};

struct WebhookCounts {
  std::uint64_t sent = 0;     // events, in bodies that were taken
  std::uint64_t dropped = 0;  // events: pushed out of a full queue, or given up
  std::uint64_t failed = 0;   // attempts that were not taken
  std::uint64_t retried = 0;  // attempts beyond the first of a body
  WebhookCounts& operator+=(const WebhookCounts& more);
  bool operator==(const WebhookCounts&) const = default;
};

class WebhookOutbox {
 public:
  explicit WebhookOutbox(OutboxLimits limits) : limits_(limits) {}

  void push(WebhookItemPtr item, Instant at);  // `at` never goes back
  // A body that is to go now; nullptr: none is. It is under way until answered(), lives until
  // then, and is the same in every attempt. `wall`: when it was made, its time_ms.
  const std::string* due(Instant now, WallTime wall);
  // `jitter` in [0, 1): up to a quarter off the wait, lest those who failed at once return at once.
  void answered(bool is_taken, Instant now, double jitter);
  // When due() has a body; an instant gone by: at once. None: nothing waits, or one is under way.
  std::optional<Instant> next_due() const;
  bool is_under_way() const { return state_ == State::under_way; }
  std::size_t events() const { return queue_.size() + body_events_; }  // not yet sent nor dropped
  const WebhookCounts& counts() const { return counts_; }

 private:
  //          due              taken, or given up
  //  idle ---------> under_way ------------------> idle
  //                   |     ^
  //         not taken |     | due
  //                   +-> waiting
  enum class State : std::uint8_t { idle, under_way, waiting };
  struct Queued {
    WebhookItemPtr item;
    Instant at;
  };
  bool is_full() const;
  void make_body(WallTime wall);
  void end_body();
  Duration wait(double jitter) const;

  const OutboxLimits limits_;
  std::deque<Queued> queue_;
  std::size_t queue_bytes_ = 0;
  State state_ = State::idle;
  std::string body_;  // the four are of the body that is not idle
  std::size_t body_events_ = 0;
  int attempts_ = 0;
  Instant first_at_{}, again_at_{};
  WebhookCounts counts_;
};

}  // namespace utakata::realtime
