#include "realtime/webhook/outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace utakata::realtime {

WebhookCounts& WebhookCounts::operator+=(const WebhookCounts& more) {
  sent += more.sent;
  dropped += more.dropped;
  failed += more.failed;
  retried += more.retried;
  return *this;
}

void WebhookOutbox::push(WebhookItemPtr item, Instant at) {
  queue_bytes_ += item->bytes();
  queue_.push_back({std::move(item), at});
  while (queue_.size() > limits_.queue_events || queue_bytes_ > limits_.queue_bytes) {
    queue_bytes_ -= queue_.front().item->bytes();
    queue_.pop_front();
    ++counts_.dropped;
    if (queue_.empty()) break;
  }
}

bool WebhookOutbox::is_full() const {
  return queue_.size() >= limits_.batch_events || queue_bytes_ >= limits_.batch_bytes;
}

std::optional<Instant> WebhookOutbox::next_due() const {
  switch (state_) {
    case State::under_way:
      return std::nullopt;
    case State::waiting:
      return again_at_;
    case State::idle:
      if (queue_.empty()) return std::nullopt;
      return queue_.front().at + (is_full() ? Duration::zero() : limits_.batch_for);
  }
  return std::nullopt;
}

const std::string* WebhookOutbox::due(Instant now, WallTime wall) {
  const auto next = next_due();
  if (!next || *next > now) return nullptr;
  if (state_ == State::idle) {
    make_body(wall);
    first_at_ = now;
  } else {
    ++counts_.retried;
  }
  ++attempts_;
  state_ = State::under_way;
  return &body_;
}

void WebhookOutbox::make_body(WallTime wall) {
  body_ = fmt::format(R"({{"time_ms":{},"events":[)", to_ms(wall));
  std::size_t bytes = 0;
  while (!queue_.empty()) {
    const WebhookItem& item = *queue_.front().item;
    const bool is_first = body_events_ == 0;  // it goes, however large
    if (!is_first &&
        (body_events_ >= limits_.batch_events || bytes + item.bytes() > limits_.batch_bytes))
      break;
    if (!is_first) body_ += ',';
    body_ += item.json;
    bytes += item.bytes();
    queue_bytes_ -= item.bytes();
    ++body_events_;
    queue_.pop_front();
  }
  body_ += "]}";
}

void WebhookOutbox::answered(bool is_taken, Instant now, double jitter) {
  check(state_ == State::under_way, "only what is under way is answered");
  if (!is_taken) {
    ++counts_.failed;
    const Instant last_at = first_at_ + limits_.retry_for;
    if (now < last_at) {
      again_at_ = std::min(now + wait(jitter), last_at);
      state_ = State::waiting;
      return;
    }
  }
  (is_taken ? counts_.sent : counts_.dropped) += body_events_;
  end_body();
}

void WebhookOutbox::end_body() {
  state_ = State::idle;
  body_ = {};
  body_events_ = 0;
  attempts_ = 0;
}

Duration WebhookOutbox::wait(double jitter) const {
  Duration wait = limits_.retry_first;
  for (int i = 1; i < attempts_ && wait < limits_.retry_most; ++i) wait *= 2;
  wait = std::min(wait, limits_.retry_most);
  return wait - from_seconds(to_seconds(wait) * 0.25 * std::clamp(jitter, 0.0, 1.0));
}

}  // namespace utakata::realtime
