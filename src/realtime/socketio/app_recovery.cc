// Clients of a SocketIoApp that come again: to the process where they were, or to another.
#include <algorithm>
#include <utility>

#include "realtime/socketio/app.h"

namespace utakata::realtime {
namespace {

// A bus brings a word there and back within milliseconds; who waits in vain waits for this long.
constexpr Duration kAnswerWithin{1s};
constexpr std::size_t kAskedBytesMax =
    100;  // of what a client says of itself: ours have 40 at most

}  // namespace

bool SocketIoApp::comes_again(ClientSlot client, const std::string& space, const SocketIoAsks& asks,
                              Instant now) {
  if (!recovery_.is_on()) return false;
  cut_former(asks.pid, client, now);
  auto away = recovery_.take(asks.pid, space, now);
  if (!away) return ask(client, space, asks, now);
  return recovery_.settle(away->seat, asks.offset, channels_) &&
         restore(client, std::move(away->seat), now);
}

// Its old connection may be dead and we not know it yet.
void SocketIoApp::cut_former(const std::string& pid, std::optional<ClientSlot> but, Instant now) {
  const auto former = by_pid_.find(pid);
  if (former == by_pid_.end() || former->second == but) return;
  const ClientSlot slot = former->second;
  leaves(slot, now);
  out_.end(slot, "It came again on another connection.");
}

bool SocketIoApp::restore(ClientSlot client, RecoverySeat seat, Instant now) {
  const auto missed = recovery_.missed(seat, channels_);
  if (!missed) return false;
  std::vector<Channels::Subscribed> came;
  for (const RecoverySubscription& each : seat.channels) {
    auto one = channels_.subscribe(client, each.channel, each.member, std::nullopt, now);
    if (!one) {  // one of them is full by now: it is to begin anew, with none
      for (std::size_t i = 0; i < came.size(); ++i)
        channels_.unsubscribe(client, seat.channels[i].channel, now);
      return false;
    }
    came.push_back(std::move(*one));
  }
  const std::vector<RecoverySubscription> channels = seat.channels;
  const std::string space = seat.space;
  for (const RecoverySubscription& each : channels) note_place(client, each.channel, space, true);
  sit(client, std::move(seat));
  for (const Recovery::Missed& each : *missed)
    out_.say(client, socketio_event(space, each.channel, unpack(*each.message), each.offset));
  for (std::size_t i = 0; i < channels.size(); ++i) {
    sync_arrival(client, space, channels[i].channel);
    tell_arrival(client, channels[i].channel, channels[i].member, came[i]);
  }
  return true;
}

// True: it waits for the answer.
bool SocketIoApp::ask(ClientSlot client, const std::string& space, const SocketIoAsks& asks,
                      Instant now) {
  if (!peers_.tell || !peers_.has_others()) return false;
  if (asks.pid.size() > kAskedBytesMax || (asks.offset && asks.offset->size() > kAskedBytesMax))
    return false;
  Client& one = clients_[client];
  if (one.asks++ > spec_.namespaces.size()) return false;  // each is a word to all processes
  if (const auto known = asked_.find(asks.pid); known != asked_.end()) {
    // It broke off while it waited, and was not told anything: what was asked for is still right.
    if (known->second.client || known->second.space != space) return false;
    known->second.client = client;
  } else {
    const std::uint64_t number = ++last_asked_;
    if (!peers_.tell(seat_word_bytes({.from = recovery_.epoch(),
                                      .number = number,
                                      .pid = asks.pid,
                                      .space = space,
                                      .offset = asks.offset})))
      return false;
    asked_[asks.pid] = {
        .number = number, .space = space, .client = client, .until = now + kAnswerWithin};
  }
  one.asked.push_back(asks.pid);
  return true;
}

bool SocketIoApp::is_asking(ClientSlot client, std::string_view space) const {
  return std::ranges::any_of(clients_[client].asked, [&](const std::string& pid) {
    const auto asked = asked_.find(pid);
    return asked != asked_.end() && asked->second.space == space;
  });
}

void SocketIoApp::stop_asking(ClientSlot client, std::string_view space) {
  std::erase_if(clients_[client].asked, [&](const std::string& pid) {
    const auto asked = asked_.find(pid);
    if (asked == asked_.end() || asked->second.space != space) return false;
    asked->second.client.reset();
    return true;
  });
}

std::optional<ClientSlot> SocketIoApp::take_waiting(Asked& asked, const std::string& pid) {
  if (asked.client) std::erase(clients_[*asked.client].asked, pid);
  return asked.client;
}

void SocketIoApp::hears_seat_word(std::string_view body, Instant now) {
  if (!recovery_.is_on()) return;
  auto word = seat_word(body);
  if (!word) return;
  switch (word->kind) {
    case SeatWord::Kind::ask:
      return hears_ask(*word, now);
    case SeatWord::Kind::seat:
      return hears_seat(std::move(*word), now);
    case SeatWord::Kind::lost:
      return hears_lost(*word);
    case SeatWord::Kind::leaving:
      return hears_leaving(*word, now);
    case SeatWord::Kind::ask_all:
      return hears_ask_all(*word, now);
  }
}

void SocketIoApp::hears_ask(const SeatWord& word, Instant now) {
  if (word.from == recovery_.epoch()) {
    const auto asked = asked_.find(word.pid);
    if (asked != asked_.end() && asked->second.number == word.number)
      asked->second.came = channels_.came();
    return;
  }
  cut_former(word.pid, std::nullopt, now);
  auto away = recovery_.take(word.pid, word.space, now);
  if (!away) return;
  const bool is_known = recovery_.settle(away->seat, word.offset, channels_);
  if (is_known && hand_over(*away, word, now)) return;
  peers_.tell(seat_word_bytes({.kind = SeatWord::Kind::lost,
                               .from = recovery_.epoch(),
                               .to = word.from,
                               .number = word.number,
                               .pid = word.pid}));
}

// To who asked. False: some of what it missed is not kept any more, or the bus did not take it.
bool SocketIoApp::hand_over(const Recovery::Away& away, const SeatWord& asked, Instant now) {
  const RecoverySeat& seat = away.seat;
  HandedSeat handed{.space = seat.space,
                    .sid = seat.sid,
                    .pid = seat.pid,
                    .user = seat.user,
                    .of_epoch = seat.of_epoch,
                    .at_least = seat.at_least,
                    .away = std::chrono::duration_cast<std::chrono::milliseconds>(now - away.at)};
  for (const RecoverySubscription& each : seat.channels) {
    const auto missed = channels_.came_after(each.channel, each.since, seat.sid);
    if (!missed) return false;
    HandedSubscription& one = handed.channels.emplace_back(each.channel, each.member);
    if (!missed->empty())
      one.missed = {channels_.timeline(each.channel)->end().epoch, missed->front().offset};
  }
  const bool is_taken = peers_.tell(seat_word_bytes({.kind = SeatWord::Kind::seat,
                                                     .from = recovery_.epoch(),
                                                     .to = asked.from,
                                                     .number = asked.number,
                                                     .seat = std::move(handed)}));
  handing_over_ += is_taken;
  return is_taken;
}

void SocketIoApp::hears_seat(SeatWord word, Instant now) {
  if (word.from == recovery_.epoch() && handing_over_ > 0) --handing_over_;
  if (word.to != recovery_.epoch()) return;
  const std::string pid = word.seat.pid;
  const Instant went = now - word.seat.away;
  if (const auto all = asked_all_.find(word.number); all != asked_all_.end()) {
    if (!all->second.came) return;
    if (auto seat = taken(std::move(word.seat), *all->second.came))
      recovery_.leaves(std::move(*seat), went);
    return;
  }
  const auto known = asked_.find(pid);
  if (known == asked_.end() || known->second.number != word.number) return;
  Asked asked = std::move(known->second);
  asked_.erase(known);
  auto seat = asked.came ? taken(std::move(word.seat), *asked.came) : std::nullopt;
  if (const auto client = take_waiting(asked, pid)) {
    if (!seat || !restore(*client, std::move(*seat), now)) begin(*client, asked.space);
  } else if (seat) {
    recovery_.leaves(std::move(*seat), went);
  }
}

// As ours, in the order in which messages came here; nothing: one that it missed is not here.
std::optional<RecoverySeat> SocketIoApp::taken(HandedSeat handed, std::uint64_t came) const {
  RecoverySeat seat{.space = std::move(handed.space),
                    .sid = std::move(handed.sid),
                    .pid = std::move(handed.pid),
                    .user = std::move(handed.user),
                    .of_epoch = std::move(handed.of_epoch),
                    .at_least = handed.at_least};
  for (HandedSubscription& each : handed.channels) {
    std::uint64_t since = came;
    if (each.missed) {
      const Timeline* const timeline = channels_.timeline(each.channel);
      const auto first = timeline ? timeline->came_at(*each.missed) : std::nullopt;
      if (!first) return std::nullopt;
      since = *first - 1;
    }
    seat.channels.push_back({std::move(each.channel), std::move(each.member), since});
  }
  return seat;
}

void SocketIoApp::hears_lost(const SeatWord& word) {
  const auto known = asked_.find(word.pid);
  if (word.to != recovery_.epoch() || known == asked_.end() || known->second.number != word.number)
    return;
  Asked asked = std::move(known->second);
  asked_.erase(known);
  if (const auto client = take_waiting(asked, word.pid)) begin(*client, asked.space);
}

void SocketIoApp::give_up_asking(Instant now) {
  std::erase_if(asked_all_, [&](const auto& each) { return each.second.until <= now; });
  for (auto each = asked_.begin(); each != asked_.end();) {
    auto& [pid, asked] = *each;
    if (asked.until > now) {
      ++each;
      continue;
    }
    const auto client = take_waiting(asked, pid);
    const std::string space = asked.space;
    each = asked_.erase(each);
    if (client) begin(*client, space);
  }
}

bool SocketIoApp::leave_seats(Instant now) {
  recovery_.expire(now);
  if (recovery_.has_nobody() || !peers_.tell || !peers_.has_others()) return false;
  is_leaving_ = true;
  return peers_.tell(seat_word_bytes({.kind = SeatWord::Kind::leaving, .from = recovery_.epoch()}));
}

bool SocketIoApp::has_left_seats() const { return recovery_.has_nobody() && handing_over_ == 0; }

// Who leaves, too, could not keep them.
void SocketIoApp::hears_leaving(const SeatWord& word, Instant now) {
  if (is_leaving_ || word.from == recovery_.epoch()) return;
  const std::uint64_t number = ++last_asked_;
  if (peers_.tell(seat_word_bytes({.kind = SeatWord::Kind::ask_all,
                                   .from = recovery_.epoch(),
                                   .to = word.from,
                                   .number = number})))
    asked_all_[number] = {.number = number, .until = now + 10 * kAnswerWithin};
}

void SocketIoApp::hears_ask_all(const SeatWord& word, Instant now) {
  if (word.from == recovery_.epoch()) {
    if (const auto asked = asked_all_.find(word.number); asked != asked_all_.end())
      asked->second.came = channels_.came();
    return;
  }
  if (!is_leaving_ || word.to != recovery_.epoch()) return;
  for (Recovery::Away& away : recovery_.take_all(now)) {
    RecoverySeat& seat = away.seat;
    // What its client got last is not known: it is to have got all that was said to it, or what it
    // lacks would be known to nobody.
    for (RecoverySubscription& each : seat.channels) {
      if (each.told > each.since) seat.at_least = std::max(seat.at_least, each.told);
      if (each.told > each.since) seat.of_epoch = recovery_.epoch();
      each.since = std::max(each.since, seat.left);
    }
    hand_over(away, word, now);
  }
}

}  // namespace utakata::realtime
