#include "fleet/plan/place.h"

#include <algorithm>

#include "base/check.h"

namespace utakata {

PlacementLedger::PlacementLedger(Options options)
    : options_(options),
      random_(options.seed),
      slot_by_id_(16, KeyHash{options.secret}),
      rooms_(options.secret),
      holds_(std::uint32_t(Random(~options.seed).next())),
      line_(random_.next() >> 16) {
  order_.reset(0, false);
}

PlaceAnswer PlacementLedger::place(const PlaceRequest& request, Instant now) {
  check(request.seats >= 1, "a placement is of one seat or more");
  if (request.seats > kSeatsMax)
    return std::unexpected(Refusal{.why = Refusal::Why::too_many_seats, .limit = kSeatsMax});
  expire(now, 4);
  move_windows(now);
  line_.expire(now);
  auto answer = [&] {
    if (request.key.empty()) return place_fresh(request, now);
    const std::uint32_t room = rooms_.find(request.key);
    return room == kNone ? place_bind(request, now) : place_draw(room, request, now);
  }();
  if (answer) {
    ++granted_;
    if (request.line) line_.leave(*request.line);
  } else {
    ++refused_;
  }
  return answer;
}

PlaceAnswer PlacementLedger::place_fresh(const PlaceRequest& request, Instant now) {
  const auto slot = choose(request.seats, request, now);
  if (!slot) return std::unexpected(slot.error());
  slots_[*slot].held += request.seats;
  return grant(*slot, kNone, request.stranger, request, now);
}

PlaceAnswer PlacementLedger::place_bind(const PlaceRequest& request, Instant now) {
  const int total = std::max(1, view_.seats_per_key);
  if (request.seats > total)
    return std::unexpected(Refusal{.why = Refusal::Why::too_many_seats, .limit = total});
  const auto slot = choose(total, request, now);
  if (!slot) return std::unexpected(slot.error());
  const std::uint32_t room = room_make(request.key, *slot, std::uint32_t(total), now);
  rooms_[room].stranger = request.stranger;
  slots_[*slot].held += total;
  room_reserve(room, std::uint32_t(total), now + hold_of(request), now);
  if (log_)
    log_->key_bound({.number = rooms_[room].number,
                     .instance = slots_[*slot].number,
                     .total = std::uint32_t(total),
                     .reserved = std::uint32_t(total),
                     .reserved_until = now + hold_of(request),
                     .stranger = request.stranger},
                    request.key);
  return place_draw(room, request, now);
}

PlaceAnswer PlacementLedger::place_draw(std::uint32_t index, const PlaceRequest& request,
                                        Instant now) {
  PlaceRoom& room = rooms_[index];
  PlaceSlot& slot = slots_[room.slot];
  const auto seats = std::uint32_t(request.seats);
  const auto refuse = [](Refusal refusal) { return std::unexpected(refusal); };
  if (room.drawn + seats > room.total)
    return refuse(
        {.why = seats > room.total ? Refusal::Why::too_many_seats : Refusal::Why::room_full,
         .limit = int(room.total)});
  if ((!slot.open && !slot.honours_keys) || slot.closed_until > now)
    return refuse({.why = Refusal::Why::key_away, .retry_after = come_back()});
  if (rate_.limits() && request.seats > rate_.in_window)
    return refuse({.why = Refusal::Why::too_many_at_once, .limit = rate_.in_window});
  // One that is due is over, be it found or not: whoever replays this goes by the time alone.
  const bool is_reserved = room.reserve != kNone && holds_[room.reserve].expires > now;
  const std::uint32_t reserved = is_reserved ? holds_[room.reserve].seats : 0;
  const std::uint32_t beyond = seats - std::min(seats, reserved);
  // Seats given back by those who left were offered to all: they are taken anew, and may be gone.
  if (beyond > 0 &&
      (!slot.count_known || std::int64_t{slot.connections} + slot.held + beyond > view_.capacity))
    return refuse({.why = Refusal::Why::full, .retry_after = come_back()});
  if (beyond > 0 && request.stranger && int(beyond) > strangers_room())
    return refuse({.why = Refusal::Why::strangers_full, .retry_after = come_back()});
  if (rate_.limits() && slot.window.given() + request.seats > rate_.in_window)
    return refuse(wait({request.seats, std::int64_t{beyond}}, true, request, now));

  room_asked(index, now);
  slot.held += int(beyond);
  if (reserved > 0 && seats - beyond == reserved) {  // drawn to the last: the reserve is no more
    if (room.stranger) strangers_held_ -= int(reserved);
    forget(std::exchange(room.reserve, kNone));
  } else if (reserved > 0) {
    if (room.stranger) strangers_held_ -= int(seats);
    Hold& reserve = holds_[room.reserve];
    reserve.seats -= seats;
    holds_.unschedule(room.reserve);
    reserve.expires = std::max(reserve.expires, now + hold_of(request));
    holds_.schedule(room.reserve, now);
  }
  room.drawn += seats;
  return grant(room.slot, index, room.stranger, request, now);
}

// A slot for so many seats (a room's, or the caller's own), or why not; who cannot be served now is
// put in line.
std::expected<std::uint32_t, Refusal> PlacementLedger::choose(int seats,
                                                              const PlaceRequest& request,
                                                              Instant now) {
  if (seats > view_.capacity && open_ > 0)
    return std::unexpected(Refusal{.why = Refusal::Why::too_many_seats, .limit = view_.capacity});
  if (rate_.limits() && request.seats > rate_.in_window)
    return std::unexpected(
        Refusal{.why = Refusal::Why::too_many_at_once, .limit = rate_.in_window});
  if (request.stranger && open_ > 0 && seats > strangers_room())
    return std::unexpected(
        Refusal{.why = Refusal::Why::strangers_full, .retry_after = come_back()});
  // Whoever came back to its place in line has a claim on what is offered; only what is beyond it,
  // of seats and of clients accepted in this second, is for those behind.
  const bool stands = request.line && line_.stands(*request.line);
  const PlaceClaim before = stands ? line_.ahead(*request.line) : line_.claimed();
  if (before.clients == 0 ||
      (free_ >= before.seats + seats && offered_ >= before.clients + request.seats))
    if (const std::uint32_t slot = choose_slot(seats, request.seats); slot != kNone) return slot;
  return std::unexpected(
      wait({request.seats, seats}, rate_.limits() && free_ >= seats, request, now));
}

std::uint32_t PlacementLedger::choose_slot(int seats, int clients) const {
  const std::uint32_t slot = order_.pick(seats);
  if (slot == kNone || !rate_.limits() || admissible(slots_[slot]) >= clients) return slot;
  // Only for several clients in one call, which strangers may not ask for: the first by the order
  // may take too few of them in this second while another takes all.
  for (std::uint32_t other = 0; other < slots_.size(); ++other)
    if (slots_[other].free >= seats && admissible(slots_[other]) >= clients) return other;
  return kNone;
}

Refusal PlacementLedger::wait(PlaceClaim claim, bool admission, const PlaceRequest& request,
                              Instant now) {
  const bool stands = request.line && line_.stands(*request.line);
  Refusal refusal{.why = open_ == 0  ? Refusal::Why::nothing_serves
                         : admission ? Refusal::Why::admission
                                     : Refusal::Why::full};
  refusal.ahead = stands ? line_.ahead(*request.line).clients : line_.clients();
  // By the place in line and how many are before it: what others ask changes nobody's time.
  const std::uint64_t number = stands ? *request.line : line_.next();
  const double unit = Random(options_.seed ^ (number << 20) ^ std::uint64_t(refusal.ahead)).unit();
  refusal.retry_after = come_back(refusal.ahead + claim.clients, admission, unit);
  if (stands) {
    // Its claim outlives a come-back that is late by as much again, and a slow network.
    line_.stay(number, claim, now + 2 * refusal.retry_after + 5s);
    refusal.line = number;
  } else {  // not for long: whoever asks anew each time would be counted as many
    refusal.line = line_.join(claim, now + refusal.retry_after + 2s);
    if (!refusal.line)
      refusal.retry_after =
          std::min<Duration>(5min, from_seconds(to_seconds(refusal.retry_after) * crowding(now)));
  }
  return refusal;
}

// Whom the line has no room for come later the more of them there are: were they n, and each came
// every 15 s, n / 15 a second would ask; so they are about sqrt(n x kOutside / 15), ten million
// 82,000.
double PlacementLedger::crowding(Instant now) {
  if (now - outside_since_ >= 1s) {
    outside_before_ = now - outside_since_ < 2s ? outside_ : 0;
    outside_ = 0;
    outside_since_ = now;
  }
  ++outside_;
  return std::max(1.0, double(std::max(outside_before_, outside_)) / kOutside);
}

// When it makes sense to ask again: by the rate of admission where that is the limit; otherwise an
// instance must first boot or a client leave. A quarter of jitter either way, so that a refused
// crowd does not come back as one; `unit` is its throw, in [0, 1).
Duration PlacementLedger::come_back(std::int64_t clients_before, bool admission,
                                    double unit) const {
  Duration wait =
      2s + std::min(Duration{13s}, std::max<std::int64_t>(clients_before, 0) * Duration{10ms});
  if (admission && open_ > 0) {
    const double per_second = rate_.in_window / to_seconds(rate_.window) * open_;
    wait = std::clamp<Duration>(from_seconds(double(clients_before) / per_second), 200ms, 1h);
  }
  return from_seconds(to_seconds(wait) * (0.75 + unit / 2));
}

// The seats are held already; this makes the placement that names them.
Grant PlacementLedger::grant(std::uint32_t slot_index, std::uint32_t room, bool stranger,
                             const PlaceRequest& request, Instant now) {
  PlaceSlot& slot = slots_[slot_index];
  const std::uint32_t index = holds_.make();
  Hold& hold = holds_[index];
  hold.granted = now;
  hold.expires = now + hold_of(request);
  hold.slot = slot_index;
  hold.seats = std::uint32_t(request.seats);
  hold.stranger = stranger;
  if (stranger) strangers_held_ += request.seats;
  if (room != kNone) room_join(room, index);
  enlist(index);
  holds_.schedule(index, now);
  slot.tie = ++ties_;
  if (rate_.limits()) {
    slot.window.give(request.seats);
    if (!std::exchange(slot.windowed, true)) windowed_.push_back(slot_index);
  }
  touch(slot_index);
  const std::uint64_t number = holds_.number(index);
  if (log_)
    log_->granted({.number = number,
                   .granted = now,
                   .expires = hold.expires,
                   .instance = slot.number,
                   .room = room == kNone ? 0 : rooms_[room].number,
                   .seats = hold.seats,
                   .stranger = stranger});
  return {number, slot_index, hold.expires};
}

Duration PlacementLedger::hold_of(const PlaceRequest& request) const {
  return request.hold ? std::min(*request.hold, view_.hold) : view_.hold;
}

int PlacementLedger::strangers_room() const {
  const std::int64_t capacity = std::int64_t{view_.capacity} * open_;
  return int(std::max<std::int64_t>(1, capacity / 10) - strangers_held_);
}

int PlacementLedger::admissible(const PlaceSlot& slot) const {
  if (!rate_.limits()) return std::numeric_limits<int>::max();
  return std::max(0, rate_.in_window - slot.window.given());
}

double PlacementLedger::load_of(const PlaceSlot& slot) const {
  const double load = double(slot.connections) + slot.held + slot.ramp;
  if (view_.policy != PlacePolicy::weighted) return load;
  return load / (slot.weight > 1e-9 ? slot.weight : 1e-9);
}

void PlacementLedger::move_windows(Instant now) {
  if (!rate_.limits()) return;
  const std::int64_t tick = rate_.tick(now), ticks = tick - rate_tick_;
  if (ticks <= 0) return;
  rate_tick_ = tick;
  std::erase_if(windowed_, [&](std::uint32_t index) {
    PlaceSlot& slot = slots_[index];
    slot.window.move_on(ticks);
    touch(index);
    if (slot.window.given() == 0) slot.windowed = false;
    return !slot.windowed;
  });
}

void PlacementLedger::touch(std::uint32_t index, bool all) {
  if (!order_.covers(index)) return;  // an instance of the view that is being applied
  PlaceSlot& slot = slots_[index];
  int free = 0;
  if (slot.number != 0 && slot.open && slot.count_known && slot.closed_until == Instant{})
    free =
        int(std::max<std::int64_t>(0, std::int64_t{view_.capacity} - slot.connections - slot.held));
  const int admitted = admissible(slot), offer = std::min(free, admitted);
  free_ += free - std::exchange(slot.free, free);
  offered_ += offer - std::exchange(slot.offer, offer);
  const double score = load_of(slot);
  const int takes = admitted > 0 ? free : 0;
  all ? order_.put(index, score, slot.tie, takes) : order_.set(index, score, slot.tie, takes);
}

bool PlacementLedger::release(std::uint64_t placement, Instant now) {
  const std::uint32_t index = holds_.find(placement);
  if (index == kNone || holds_[index].kind == Hold::Kind::reserve) return false;
  if (log_) log_->ended(placement);
  end_released(index, now);
  return true;
}

bool PlacementLedger::release_key(std::string_view key) {
  const std::uint32_t room = rooms_.find(key);
  if (room == kNone) return false;
  room_end(room);
  return true;
}

Confirmation PlacementLedger::confirm(std::string_view instance, std::uint64_t placement,
                                      Instant now) {
  const std::uint32_t index = holds_.find(placement);
  if (index == kNone) return Confirmation::over;
  Hold& hold = holds_[index];
  PlaceSlot& slot = slots_[hold.slot];
  if (slot.identity->id.text != instance) return Confirmation::other_instance;
  slot.tells_tickets = true;
  // Of one that has expired, and is kept for its room, only who is known to have come.
  const std::uint32_t most = hold.kind == Hold::Kind::pending ? hold.seats : hold.arrived;
  if (hold.kind == Hold::Kind::reserve || hold.confirmed >= most) return Confirmation::over;
  ++hold.confirmed;
  // The `accepted` counter, which does not say who came, may have told it before.
  if (hold.arrived >= hold.confirmed) return Confirmation::arrived;
  ++hold.arrived;
  if (hold.stranger) --strangers_held_;
  settle_named(slot, hold, now);
  if (hold.arrived == hold.seats) end_arrived(index, now);
  return Confirmation::arrived;
}

}  // namespace utakata
