#include "realtime/webhook/grace.h"

#include "base/check.h"

namespace utakata::realtime {
namespace {

using Kind = WebhookEvent::Kind;

bool is_absence(Kind kind) { return kind == Kind::channel_vacated || kind == Kind::member_removed; }

std::optional<Kind> absence_ended_by(Kind kind) {
  if (kind == Kind::channel_occupied) return Kind::channel_vacated;
  if (kind == Kind::member_added) return Kind::member_removed;
  return std::nullopt;
}

}  // namespace

void WebhookGrace::take(WebhookItemPtr item, Instant now, std::vector<Settled>& out) {
  settle(now, out);
  const bool is_held = is_absence(item->kind) && limits_.grace > Duration::zero();
  const auto known = lines_.find(item->channel);
  if (known == lines_.end() && !is_held) return out.push_back({std::move(item), now});
  Line& line = known != lines_.end() ? known->second : lines_[item->channel];
  line.channel = item->channel;
  if (takes_away(line, *item, now, out)) return;
  hold(line, std::move(item), now);
  while (held_ > limits_.held_events || bytes_ > limits_.held_bytes) decide_first(now, out);
}

bool WebhookGrace::takes_away(Line& line, const WebhookItem& item, Instant now,
                              std::vector<Settled>& out) {
  if (is_absence(item.kind)) return line.absences.contains({item.kind, item.user_id});
  const auto ended = absence_ended_by(item.kind);
  if (!ended) return false;
  const auto absence = line.absences.find({*ended, item.user_id});
  if (absence == line.absences.end()) return false;
  decisions_.erase(absence->second);
  forget(line, line.held.find(absence->second));
  line.absences.erase(absence);
  release(line, now, out);
  return true;
}

void WebhookGrace::hold(Line& line, WebhookItemPtr item, Instant now) {
  const Number number = ++next_;
  if (is_absence(item->kind)) {
    decisions_[number] = {now + limits_.grace, &line};
    line.absences[{item->kind, item->user_id}] = number;
  }
  ++held_;
  bytes_ += item->bytes();
  const bool is_decided = !is_absence(item->kind);
  line.held[number] = {std::move(item), is_decided};
}

void WebhookGrace::settle(Instant now, std::vector<Settled>& out) {
  while (!decisions_.empty() && decisions_.begin()->second.at <= now)
    decide_first(decisions_.begin()->second.at, out);
}

void WebhookGrace::decide_first(Instant at, std::vector<Settled>& out) {
  check(!decisions_.empty(), "what waits waits for a decision in its line");
  const auto [number, decision] = *decisions_.begin();
  decisions_.erase(decisions_.begin());
  Line& line = *decision.line;
  Held& held = line.held.at(number);
  held.is_decided = true;
  line.absences.erase({held.item->kind, held.item->user_id});
  release(line, at, out);
}

void WebhookGrace::release(Line& line, Instant at, std::vector<Settled>& out) {
  while (!line.held.empty() && line.held.begin()->second.is_decided) {
    out.push_back({line.held.begin()->second.item, at});
    forget(line, line.held.begin());
  }
  if (line.held.empty()) lines_.erase(lines_.find(line.channel));
}

void WebhookGrace::forget(Line& line, std::map<Number, Held>::iterator held) {
  --held_;
  bytes_ -= held->second.item->bytes();
  line.held.erase(held);
}

std::optional<Instant> WebhookGrace::next() const {
  if (decisions_.empty()) return std::nullopt;
  return decisions_.begin()->second.at;
}

}  // namespace utakata::realtime
