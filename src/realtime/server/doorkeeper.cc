#include "realtime/server/doorkeeper.h"

#include <algorithm>
#include <utility>

namespace utakata::realtime {
namespace {

constexpr std::size_t kAnswerBytes = 16 * 1024;

TicketAnswer answer_of(const Expected<net::HttpResult>& result) {
  if (!result)
    return result.error().kind == Problem::Kind::timed_out ? TicketAnswer::no_answer
                                                           : TicketAnswer::not_asked;
  if (result->status / 100 == 2) return TicketAnswer::seated;
  const bool is_refused = result->status == 404 || result->status == 409 || result->status == 410;
  return is_refused ? TicketAnswer::refused : TicketAnswer::not_asked;
}

}  // namespace

Doorkeeper::Doorkeeper(net::Loop& loop, TicketSettings settings, Calls calls)
    : loop_(loop), settings_(std::move(settings)), calls_(std::move(calls)) {
  if (settings_.use != TicketSettings::Use::off) client_.emplace(loop, TicketLimits{}.at_once);
}

Doorkeeper::~Doorkeeper() { loop_.cancel(timer_); }

std::expected<bool, Doorkeeper::TurnedAway> Doorkeeper::comes(ClientSlot client,
                                                              std::string ticket) {
  if (!looks_at_tickets()) return true;
  const bool must_hold = settings_.use == TicketSettings::Use::require;
  if (!is_ticket(ticket)) {
    ++(ticket.empty() ? missing_ : malformed_);
    if (!must_hold) return true;
    return std::unexpected(TurnedAway{.why = "Ask for a place first, and bring its ticket."});
  }
  const auto id = desk_.shown(std::move(ticket), loop_.turn_time());
  if (!id) ++crowded_out_;
  if (id) wake(loop_.turn_time());
  if (!must_hold) return true;
  if (!id)
    return std::unexpected(
        TurnedAway{.may_come_again = true, .why = "Too many come at once: try again later."});
  waiting_[*id] = client;
  ids_[client] = *id;
  return false;
}

void Doorkeeper::left(ClientSlot client) {
  const auto known = ids_.find(client);
  if (known == ids_.end()) return;
  waiting_.erase(known->second);
  ids_.erase(known);
}

void Doorkeeper::go_on() {
  const Instant now = loop_.turn_time();
  for (const TicketDesk::Question& question : desk_.due(now)) ask(question);
  for (const TicketDesk::Decision& decision : desk_.decided()) tell(decision);
  if (const auto next = desk_.next_due(now)) wake(*next);
}

void Doorkeeper::ask(const TicketDesk::Question& question) {
  client_->call({.method = "POST",
                 .url = settings_.url + question.ticket,
                 .headers = {"Authorization: Bearer " + settings_.token},
                 .deadline = ticket_answer_within,
                 .answer_bytes_max = kAnswerBytes},
                [this, id = question.id](const Expected<net::HttpResult>& result) {
                  desk_.answered(id, answer_of(result), loop_.turn_time());
                  go_on();
                });
}

void Doorkeeper::tell(const TicketDesk::Decision& decision) {
  const auto known = waiting_.find(decision.id);
  if (known == waiting_.end()) return;
  const ClientSlot client = known->second;
  left(client);
  if (decision.verdict == TicketVerdict::refused)
    calls_.turn_away(client, {.why = "The ticket has no seat here: ask for another place."});
  else
    calls_.let_in(client);
}

// Clients come by hundreds: a timer that is early enough stays.
void Doorkeeper::wake(Instant at) {
  if (timer_at_ && *timer_at_ <= at) return;
  loop_.cancel(timer_);
  timer_at_ = at;
  timer_ = loop_.after(std::max(Duration{0}, at - loop_.turn_time()), [this] {
    timer_at_.reset();
    go_on();
  });
}

void Doorkeeper::measure(wire::PrometheusWriter& out) const {
  if (!looks_at_tickets()) return;
  const TicketCounts& counts = desk_.counts();
  out.counter("realtime_tickets_total", "What became of the tickets that clients were to show.");
  for (const auto& [what, count] :
       {std::pair("confirmed", counts.seated), std::pair("refused", counts.refused),
        std::pair("dropped", counts.dropped + crowded_out_), std::pair("malformed", malformed_),
        std::pair("missing", missing_)})
    out.sample({{"what", what}}, count);
  out.gauge("realtime_tickets_waiting", "Tickets that the controller has not answered yet.");
  out.sample(std::int64_t(desk_.waiting()));
}

}  // namespace utakata::realtime
