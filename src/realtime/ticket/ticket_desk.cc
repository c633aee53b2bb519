#include "realtime/ticket/ticket_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace utakata::realtime {
namespace {

constexpr std::size_t kTicketBytes = 32;

// RFC 3986, section 2.3.
bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string path_piece(std::string_view text) {
  std::string piece;
  for (const char c : text)
    piece += is_unreserved(c) ? std::string(1, c) : fmt::format("%{:02X}", std::uint8_t(c));
  return piece;
}

}  // namespace

bool is_ticket(std::string_view text) {
  return text.size() == kTicketBytes && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string tickets_url(std::string_view api, std::string_view stack, std::string_view cluster) {
  while (api.ends_with('/')) api.remove_suffix(1);
  return fmt::format("{}/v1/stacks/{}/clusters/{}/tickets/", api, path_piece(stack),
                     path_piece(cluster));
}

std::optional<TicketDesk::Id> TicketDesk::shown(std::string ticket, Instant now) {
  if (queue_.size() >= limits_.waiting) {
    if (!is_away_) return std::nullopt;
    drop(queue_.front());
    queue_.pop_front();
  }
  // Who comes when the pause is over is the one by whom it is asked whether it is back.
  const bool asks = !is_away_ || (queue_.empty() && probe_ == 0 && now >= again_at_);
  const Id id = ++last_;
  entries_[id] = {.ticket = std::move(ticket), .at = now};
  queue_.push_back(id);
  if (asks)
    undecided_.push_back(id);
  else
    decide(id, TicketVerdict::unknown);
  return id;
}

std::vector<TicketDesk::Question> TicketDesk::due(Instant now) {
  while (!queue_.empty() && now - entries_.at(queue_.front()).at >= limits_.keep) {
    drop(queue_.front());
    queue_.pop_front();
  }
  lose_patience(now, limits_.patience);
  std::vector<Question> questions;
  const double more = to_seconds(now - std::exchange(paced_at_, now)) * limits_.per_second;
  allowed_ = std::min(std::max(1.0, limits_.per_second / 4), allowed_ + more);
  if (is_away_ && (probe_ != 0 || now < again_at_)) return questions;
  const std::size_t most = is_away_ ? under_way_ + 1 : limits_.at_once;
  while (!queue_.empty() && under_way_ < most && allowed_ >= 1) {
    --allowed_;
    const Id id = queue_.front();
    queue_.pop_front();
    ++under_way_;
    if (is_away_) probe_ = id;
    questions.push_back({id, entries_.at(id).ticket});
  }
  return questions;
}

void TicketDesk::answered(Id id, TicketAnswer answer, Instant now) {
  --under_way_;
  switch (answer) {
    case TicketAnswer::seated:
    case TicketAnswer::refused: {
      const bool is_seated = answer == TicketAnswer::seated;
      ++(is_seated ? counts_.seated : counts_.refused);
      decide(id, is_seated ? TicketVerdict::seated : TicketVerdict::refused);
      entries_.erase(id);
      is_away_ = false;
      probe_ = 0;
      return;
    }
    case TicketAnswer::not_asked:
      missed(id, now);
      queue_.push_front(id);
      return;
    case TicketAnswer::no_answer:
      missed(id, now);
      drop(id);
      return;
  }
}

// It is away: nobody waits for it any more.
void TicketDesk::missed(Id id, Instant now) {
  if (!std::exchange(is_away_, true)) {
    pause_ = limits_.pause;
    again_at_ = now + pause_;
  } else if (id == probe_) {
    probe_ = 0;
    pause_ = std::min(2 * pause_, limits_.pauses);
    again_at_ = now + pause_;
  }
  lose_patience(now, Duration{0});
}

void TicketDesk::lose_patience(Instant now, Duration patience) {
  for (; !undecided_.empty(); undecided_.pop_front()) {
    const auto entry = entries_.find(undecided_.front());
    if (entry == entries_.end() || entry->second.is_decided) continue;
    if (now - entry->second.at < patience) return;
    decide(entry->first, TicketVerdict::unknown);
  }
}

void TicketDesk::decide(Id id, TicketVerdict verdict) {
  if (!std::exchange(entries_.at(id).is_decided, true)) decided_.push_back({id, verdict});
}

void TicketDesk::drop(Id id) {
  decide(id, TicketVerdict::unknown);
  entries_.erase(id);
  ++counts_.dropped;
}

std::optional<Instant> TicketDesk::next_due(Instant now) const {
  if (queue_.empty()) return std::nullopt;
  if (is_away_) return probe_ != 0 ? std::nullopt : std::optional(again_at_);
  if (under_way_ >= limits_.at_once) return std::nullopt;
  if (allowed_ >= 1) return now;
  return std::max(now, paced_at_ + from_seconds((1 - allowed_) / limits_.per_second) + 1ms);
}

std::vector<TicketDesk::Decision> TicketDesk::decided() { return std::exchange(decided_, {}); }

}  // namespace utakata::realtime
