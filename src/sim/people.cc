#include "sim/people.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace utakata {

People::People(Timeline& timeline, Hosts& hosts, std::uint64_t seed)
    : timeline_(timeline), hosts_(hosts), random_(seed) {
  timeline_.on_event(
      [this](const Timeline::Event& event) { take(event); },
      [this](const Timeline::Event& event, bool is_near) { prepare(event, is_near); });
  hosts_.on_gone = [this](Guest& guest) { cut_all(guest, guest.cut_cause); };
  hosts_.on_freeze = [this](Guest& guest) {
    for (const Crowd& crowd : crowds_)
      if (crowd.cluster == guest.cluster) after(crowd.patience, lose_patience, guest.index);
  };
}

std::uint32_t People::add(Crowd crowd) {
  crowds_.push_back(std::move(crowd));
  return std::uint32_t(crowds_.size() - 1);
}

void People::after(Duration wait, Kind kind, std::uint32_t who) {
  timeline_.event(timeline_.now() + wait, kind, who);
}

Duration People::jittered(Duration around) {
  return from_seconds(to_seconds(around) * (0.5 + random_.unit()));
}

void People::take(const Timeline::Event& event) {
  switch (Kind(event.kind)) {
    case arrive:
      return arrives(event.who);
    case ask:
      return asks(event.who);
    case dial:
      return dials(event.who);
    case dial_again:
      people_[event.who].is_uninvited = true;
      return dials(event.who);
    case leave:
      return ends(event.who);
    case lose_patience:
      if (Guest& guest = hosts_[event.who]; guest.is_frozen && guest.is_there())
        cut_all(guest, CutCause::fault);
      return;
  }
}

// Of ten million people hardly anybody is in a cache: first the person, then whom it points to.
void People::prepare(const Timeline::Event& event, bool is_near) {
  if (event.kind == arrive || event.kind == lose_patience) return;
  const Person& person = people_[event.who];
  if (!is_near) return __builtin_prefetch(&person, 1);
  if (event.kind == ask || person.guest == kNobody) return;
  __builtin_prefetch(&hosts_[person.guest], 1);
  if (event.kind != leave) return;
  if (person.before != kNobody) __builtin_prefetch(&people_[person.before], 1);
  if (person.next != kNobody) __builtin_prefetch(&people_[person.next], 1);
}

void People::second() {
  for (Closing& closing : closing_) close_some(closing);
  std::erase_if(closing_,
                [this](const Closing& c) { return c.left == 0 || !hosts_[c.guest].is_there(); });
  for (std::uint32_t index = 0; index < crowds_.size(); ++index) {
    Crowd& crowd = crowds_[index];
    if (crowd.load.points.empty()) continue;
    const double wish = crowd.load.at(timeline_.since_begin());
    const double more = std::floor(wish + random_.unit()) - double(crowd.wishing);
    for (double i = 0; i < more; ++i) after(from_seconds(random_.unit()), arrive, index);
    for (double i = more; i < 0 && crowd.wishing > 0; ++i)
      if (const std::uint32_t who = anybody_of(index); who != kNobody && people_[who].is_connected)
        departs(who);  // the others may get in yet
  }
}

// Nobody: they are few among many who left, and leave by themselves.
std::uint32_t People::anybody_of(std::uint32_t crowd) {
  for (int tries = 0; tries < 10'000; ++tries) {
    const auto who = std::uint32_t(random_.below(people_.size()));
    if (people_[who].is_wishing && people_[who].crowd == crowd) return who;
  }
  return kNobody;
}

void People::send_away(Guest& guest, double pace, int most) {
  const std::uint32_t index = guest.index;
  std::erase_if(closing_, [&](const Closing& c) { return c.guest == index; });
  if (pace > 0)
    closing_.push_back({index, pace, 0, most > 0 ? most : std::numeric_limits<int>::max()});
}

void People::close_some(Closing& closing) {
  Guest& guest = hosts_[closing.guest];
  if (guest.is_frozen) return;
  closing.due += closing.pace;
  for (; closing.due >= 1 && closing.left > 0 && guest.first_person != kNobody; --closing.due) {
    const std::uint32_t who = guest.first_person;
    Crowd& crowd = crowds_[people_[who].crowd];
    unlink(who);
    people_[who].asks_since = timeline_.now();
    after(jittered(crowd.reconnect), ask, who);
    ++crowd.sent_away;
    --closing.left;
  }
}

// The next one, where others wait; or that of friends, which may be full.
std::uint32_t People::room_of(Crowd& crowd) {
  const bool has_friends = crowd.friends > 0 && crowd.matched > 0 && random_.unit() < crowd.friends;
  const std::uint32_t next = (has_friends ? crowd.matched : crowd.matched++) /
                             std::uint32_t(std::max(1, crowd.seats_per_key));
  return has_friends ? next - std::uint32_t(random_.below(std::min(next, 8u) + 1)) : next;
}

void People::arrives(std::uint32_t index) {
  Crowd& crowd = crowds_[index];
  std::uint32_t who = free_;
  if (who == kNobody) {
    who = std::uint32_t(people_.size());
    people_.emplace_back();
  } else {
    free_ = people_[who].next;
  }
  Person& person = people_[who];
  person = {};
  person.crowd = std::uint8_t(index);
  person.asks_since = timeline_.now();
  person.room = room_of(crowd);
  person.is_wishing = true;
  ++crowd.wishing;
  ++crowd.arrivals;
  asks(who);
}

void People::forget_line(std::uint32_t crowd) {
  Crowd& one = crowds_[crowd];
  ++one.lines;
  one.unheard += std::exchange(one.in_line, 0);
}

// By one that does not know of the owner: the owner has not heard of it either.
void People::told_to_wait(std::uint32_t who) {
  Person& person = people_[who];
  Crowd& crowd = crowds_[person.crowd];
  person.is_told_to_wait = true;
  person.line_of = std::uint16_t(person.is_blind ? crowd.lines - 1 : crowd.lines);
  ++(person.is_blind ? crowd.unheard : crowd.in_line);
}

void People::has_waited(std::uint32_t who) {
  Person& person = people_[who];
  if (!std::exchange(person.is_told_to_wait, false)) return;
  Crowd& crowd = crowds_[person.crowd];
  --(person.line_of == crowd.lines ? crowd.in_line : crowd.unheard);
}

void People::asks(std::uint32_t who) {
  Person& person = people_[who];
  has_waited(who);
  if (person.is_leaving) {
    departs(who);
    return forget(who);
  }
  Crowd& crowd = crowds_[person.crowd];
  std::string room;
  if (crowd.seats_per_key > 1) room = fmt::format("room-{}", person.room);
  if (crowd.door) return asks_at(*crowd.door, who, room);
  if (!crowd.ledger) return after(jittered(1s), ask, who);
  PlaceRequest request{.key = room};
  if (person.has_line) request.line = person.line;
  const PlaceAnswer answer = crowd.ledger->place(request, timeline_.now());
  const std::uint32_t guest = answer ? guest_at(crowd, answer->slot) : kNobody;
  if (on_answer) on_answer(asking(who), answer, guest_or_none(guest));
  heard(who, answer, guest);
}

void People::asks_at(Door& door, std::uint32_t who, const std::string& room) {
  const Person& person = people_[who];
  DoorQuestion question{
      .cluster = crowds_[person.crowd].cluster, .room = room, .line = {}, .asking = asking(who)};
  if (person.has_line) question.line = person.line;
  door.ask(std::move(question), [this, who](const DoorAnswer& heard_of) {
    if (!heard_of.answer) return after(jittered(1s), ask, who);
    people_[who].is_blind = heard_of.is_blind;
    heard(who, *heard_of.answer, heard_of.guest);
  });
}

void People::heard(std::uint32_t who, const PlaceAnswer& answer, std::uint32_t guest) {
  Person& person = people_[who];
  Crowd& crowd = crowds_[person.crowd];
  if (!answer) {
    ++crowd.refused;
    person.has_line = answer.error().line.has_value();
    person.line = answer.error().line.value_or(0);
    if (answer.error().why == Refusal::Why::room_full)  // somebody else has come in its stead
      person.room = crowd.matched++ / std::uint32_t(crowd.seats_per_key);
    told_to_wait(who);
    const Duration wait = answer.error().retry_after;
    return after(wait > Duration{0} ? wait : jittered(2s), ask, who);
  }
  ++crowd.placements;
  person.has_line = false;
  person.placement = answer->number;
  person.guest = guest;
  person.is_dialling = person.guest != kNobody;
  if (person.is_dialling) ++hosts_[person.guest].on_the_way;
  const bool dawdles = crowd.dawdlers > 0 && random_.unit() < crowd.dawdlers;
  after(dawdles ? from_seconds(0.9 * random_.unit() * to_seconds(answer->expires - timeline_.now()))
                : jittered(60ms),
        dial, who);
}

Asking People::asking(std::uint32_t who) const {
  const Person& person = people_[who];
  Asking asking{.crowd = person.crowd, .who = who, .since = person.asks_since};
  asking.is_uninvited = person.is_uninvited || person.is_blind;
  if (crowds_[person.crowd].seats_per_key > 1) asking.room = person.room;
  if (person.has_line) asking.line = person.line;
  return asking;
}

const Guest* People::guest_or_none(std::uint32_t guest) {
  return guest == kNobody ? nullptr : &hosts_[guest];
}

void People::hang_up(std::uint32_t who) {
  if (std::exchange(people_[who].is_dialling, false)) --hosts_[people_[who].guest].on_the_way;
}

std::uint32_t People::guest_at(Crowd& crowd, std::uint32_t slot) {
  if (slot >= crowd.guest_of.size()) crowd.guest_of.resize(slot + 1, {nullptr, kNobody});
  auto& [identity, index] = crowd.guest_of[slot];
  const auto& now = crowd.ledger->instance(slot).identity;
  if (identity != now) {
    const Guest* const guest = hosts_.find(now->id);
    identity = now;
    index = guest ? guest->index : kNobody;
  }
  return index;
}

void People::dials(std::uint32_t who) {
  Person& person = people_[who];
  hang_up(who);
  Guest* const guest = person.guest == kNobody ? nullptr : &hosts_[person.guest];
  if (person.is_leaving) {
    departs(who);
    return forget(who);
  }
  if (guest && guest->answers()) return connects(who, *guest);
  person.is_uninvited = false;
  person.tries = std::uint8_t(std::min(person.tries + 1, 5));
  const bool hangs = guest && guest->is_frozen && guest->is_there();
  after(hangs ? Duration{10s} : jittered(Duration{500ms} * (1 << person.tries)), ask, who);
}

void People::connects(std::uint32_t who, Guest& guest) {
  Person& person = people_[who];
  Crowd& crowd = crowds_[person.crowd];
  person.is_connected = true;
  person.tries = 0;
  person.before = kNobody;
  person.next = guest.first_person;
  if (person.next != kNobody) people_[person.next].before = who;
  guest.first_person = who;
  ++guest.connections;
  ++guest.accepted;
  if (person.is_uninvited) ++guest.uninvited;
  if (person.is_uninvited || person.is_blind) {
    guest.uninvited_at = timeline_.now();
    guest.is_one_owed = true;
    guest.counts_alone = 0;
  }
  ++crowd.connections;
  crowd.waited_ms.push_back(std::uint32_t(to_ms(timeline_.now() - person.asks_since)));
  if (!std::exchange(person.has_end, true))  // cut and back: its time is what it was
    after(from_seconds(-to_seconds(crowd.session) * std::log(1 - random_.unit())), leave, who);
  if (on_connect) on_connect(guest, asking(who));
}

void People::unlink(std::uint32_t who) {
  Person& person = people_[who];
  Guest& guest = hosts_[person.guest];
  (person.before == kNobody ? guest.first_person : people_[person.before].next) = person.next;
  if (person.next != kNobody) people_[person.next].before = person.before;
  --guest.connections;
  if (person.is_uninvited) --guest.uninvited, guest.uninvited_at = timeline_.now();
  if (on_leave) on_leave(guest, asking(who));
  --crowds_[person.crowd].connections;
  person.is_connected = false;
  person.is_uninvited = false;
  person.is_blind = false;
}

void People::departs(std::uint32_t who) {
  Person& person = people_[who];
  Crowd& crowd = crowds_[person.crowd];
  if (person.is_connected) {
    unlink(who);
    if (crowd.seats_per_key > 1 && crowd.door)
      crowd.door->give_back(crowd.cluster, person.placement);
    else if (crowd.seats_per_key > 1 && crowd.ledger)
      crowd.ledger->release(person.placement, timeline_.now());
  }
  person.is_wishing = false;
  --crowd.wishing;
}

void People::forget(std::uint32_t who) { people_[who].next = std::exchange(free_, who); }

// The end of its time; it may have gone with the crowd before, and may be asking for a place.
void People::ends(std::uint32_t who) {
  Person& person = people_[who];
  if (person.is_wishing && !person.is_connected) {
    person.is_leaving = true;
    return;
  }
  if (person.is_wishing) departs(who);
  forget(who);
}

void People::cut_all(Guest& guest, CutCause cause) {
  while (guest.first_person != kNobody) {
    const std::uint32_t who = guest.first_person;
    Person& person = people_[who];
    Crowd& crowd = crowds_[person.crowd];
    unlink(who);
    person.asks_since = timeline_.now();
    const bool goes_back = crowd.nostalgics > 0 && random_.unit() < crowd.nostalgics;
    after(jittered(crowd.reconnect), goes_back ? dial_again : ask, who);
    switch (cause) {
      case CutCause::fault:
        ++crowd.cuts.by_faults;
        break;
      case CutCause::healing:
        ++crowd.cuts.by_healing;
        break;
      case CutCause::deadline:
        ++crowd.cuts.by_deadline;
        break;
      case CutCause::scaling:
        ++crowd.cuts.by_scaling;
        break;
      case CutCause::by_hand:
        ++crowd.cut_by_hand;
        break;
    }
  }
}

}  // namespace utakata
