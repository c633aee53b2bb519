#include "realtime/webhook/webhooks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace utakata::realtime {
namespace {

using Kind = WebhookEvent::Kind;

// Of two that end each other a hook has to hear both, or it could not know that neither is told.
Kind counterpart(Kind kind) {
  switch (kind) {
    case Kind::channel_occupied:
      return Kind::channel_vacated;
    case Kind::channel_vacated:
      return Kind::channel_occupied;
    case Kind::member_added:
      return Kind::member_removed;
    case Kind::member_removed:
      return Kind::member_added;
    case Kind::client_event:
    case Kind::cache_miss:
    case Kind::subscription_count:
      return kind;
  }
  return kind;
}

bool is_header_name(std::string_view name) {  // a token of RFC 9110 section 5.6.2
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

bool has_no_controls(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

// Those that say what the body is and who signed it, or frame it.
bool is_our_header(std::string_view name) {
  std::string small(name);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return small.starts_with("x-pusher-") || small == "content-type" || small == "content-length" ||
         small == "transfer-encoding" || small == "host" || small == "connection";
}

}  // namespace

std::optional<Problem> webhook_fault(const WebhookSpec& spec) {
  const auto invalid = [](std::string what) {
    return Problem{.kind = Problem::Kind::invalid, .what = std::move(what)};
  };
  const auto after = spec.url.starts_with("https://")  ? 8u
                     : spec.url.starts_with("http://") ? 7u
                                                       : 0u;
  if (after == 0 || spec.url.size() == after || spec.url[after] == '/' ||
      !has_no_controls(spec.url) || spec.url.contains(' '))
    return invalid("webhook: its url must be http://HOST... or https://HOST...");
  for (const std::string& header : spec.headers) {
    const auto colon = header.find(':');
    const std::string_view name = std::string_view(header).substr(0, colon);
    if (colon == std::string::npos || !is_header_name(name) || !has_no_controls(header))
      return invalid("webhook: each of its headers must be a text \"Name: value\" of one line");
    if (is_our_header(name))
      return invalid(fmt::format("webhook: the header {} is not for others to set", name));
  }
  return std::nullopt;
}

bool Webhooks::Hook::tells(Kind kind) const {
  return spec.kinds.empty() || std::ranges::find(spec.kinds, kind) != spec.kinds.end();
}

bool Webhooks::Hook::takes(const WebhookEvent& event) const {
  return (tells(event.kind) || tells(counterpart(event.kind))) &&
         event.channel.starts_with(spec.filter_by_prefix) &&
         event.channel.ends_with(spec.filter_by_suffix);
}

std::optional<Instant> Webhooks::Hook::next_due(Duration batch_for) const {
  if (outbox.is_under_way()) return std::nullopt;
  const auto next = outbox.next_due();
  const auto settles = grace.next();
  // What has settled waits for company as all do.
  return next || !settles ? next : *settles + batch_for;
}

Webhooks::Webhooks(TenantKey key, std::vector<WebhookSpec> hooks, WebhookLimits limits,
                   std::function<double()> jitter)
    : key_(std::move(key)), limits_(limits), jitter_(std::move(jitter)) {
  for (WebhookSpec& spec : hooks) {
    check(!webhook_fault(spec), "who reads the specs looks for faults");
    hooks_.push_back({.spec = std::move(spec),
                      .grace = WebhookGrace(limits.grace),
                      .outbox = WebhookOutbox(limits.outbox)});
  }
}

void Webhooks::occurred(const WebhookEvent& event, Instant now) {
  WebhookItemPtr item;
  for (Hook& hook : hooks_) {
    if (!hook.takes(event)) continue;
    if (!item) item = webhook_item(event);
    hook.grace.take(item, now, settled_);
    settled(hook);
  }
}

void Webhooks::settled(Hook& hook) {
  for (WebhookGrace::Settled& one : settled_)
    if (hook.tells(one.item->kind)) hook.outbox.push(std::move(one.item), one.at);
  settled_.clear();
}

std::vector<Webhooks::Delivery> Webhooks::due(Instant now, WallTime wall) {
  std::vector<Delivery> all;
  for (Hook& hook : hooks_) {
    hook.grace.settle(now, settled_);
    settled(hook);
    if (const std::string* body = hook.outbox.due(now, wall)) all.push_back(delivery(hook, *body));
  }
  return all;
}

Webhooks::Delivery Webhooks::delivery(Hook& hook, const std::string& body) {
  hook.under_way = ++last_id_;
  std::vector<std::string> headers = {"Content-Type: application/json", "X-Pusher-Key: " + key_.key,
                                      "X-Pusher-Signature: " + body_signature(key_, body)};
  headers.insert(headers.end(), hook.spec.headers.begin(), hook.spec.headers.end());
  return {.id = hook.under_way, .url = hook.spec.url, .headers = std::move(headers), .body = body};
}

void Webhooks::answered(std::uint64_t id, bool is_taken, Instant now) {
  const auto hook = std::ranges::find(hooks_, id, &Hook::under_way);
  if (id == 0 || hook == hooks_.end()) return;
  hook->under_way = 0;
  hook->outbox.answered(is_taken, now, is_taken ? 0 : jitter_());
}

std::optional<Instant> Webhooks::next_due() const {
  std::optional<Instant> first;
  for (const Hook& hook : hooks_) {
    const auto next = hook.next_due(limits_.outbox.batch_for);
    if (next && (!first || *next < *first)) first = next;
  }
  return first;
}

WebhookCounts Webhooks::counts() const {
  WebhookCounts all;
  for (const Hook& hook : hooks_) all += hook.outbox.counts();
  return all;
}

std::size_t Webhooks::waiting() const {
  std::size_t all = 0;
  for (const Hook& hook : hooks_) all += hook.grace.held() + hook.outbox.events();
  return all;
}

}  // namespace utakata::realtime
