// A new view of the cluster: who is there, who is open, and what the counts say about those
// promised a seat.
#include <algorithm>
#include <limits>

#include "fleet/plan/place.h"

namespace utakata {

void PlacementLedger::apply(const PlacementView& view, Instant now) {
  applying_.reset();
  expire(now, 20'000);  // the rest by and by; their seats are held so much longer
  take_limits(view, now);
  match_slots(view);
  apply_whole(view, now);
}

void PlacementLedger::apply_begin(std::shared_ptr<const PlacementView> view, Instant now) {
  while (apply_more(std::numeric_limits<int>::max(), now)) continue;
  const bool same_limits = view_.capacity == view->capacity && view_.policy == view->policy &&
                           view_.seats_per_key == view->seats_per_key &&
                           view_.accept_per_second == view->accept_per_second;
  take_limits(*view, now);
  match_slots(*view);
  // Limits hold for all at once, and a greater tree is built whole.
  if (!same_limits || distrust_until_ != Instant{} || slots_.empty() ||
      !order_.covers(std::uint32_t(slots_.size() - 1)))
    return apply_whole(*view, now);
  for (std::size_t i = 0; i < view->instances.size(); ++i) {
    const Placeable& seen = view->instances[i];
    PlaceSlot& slot = slots_[slots_in_view_[i]];
    slot.honours_keys = slot.honours_keys && seen.honours_keys;
    if (!slot.open || seen.open) continue;
    slot.open = false;
    touch(slots_in_view_[i]);
  }
  applying_ = std::move(view);
  applied_ = 0;
  next_ripe_ = {};
}

bool PlacementLedger::apply_more(int work, Instant now) {
  if (!applying_) return false;
  move_windows(now);
  const PlacementView& view = *applying_;
  for (; applied_ < view.instances.size(); ++applied_) {
    if (work <= 0) return true;
    const std::uint32_t index = slots_in_view_[applied_];
    work -= slot_update(index, view.instances[applied_], now);
    note_ripe(slots_[index], now);
    slot_ramp(slots_[index], now);
    touch(index);
  }
  ripe_ = next_ripe_;
  end_apply(view);
  applying_.reset();
  return false;
}

void PlacementLedger::apply_whole(const PlacementView& view, Instant now) {
  for (std::size_t i = 0; i < view.instances.size(); ++i)
    slot_update(slots_in_view_[i], view.instances[i], now);
  ripe_ = {};
  for (const PlaceSlot& slot : slots_) note_ripe(slot, now);
  order_.reset(slots_.size(), view.policy == PlacePolicy::pack);
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    slot_ramp(slots_[slot], now);
    touch(slot, true);
  }
  order_.build();
  end_apply(view);
}

void PlacementLedger::take_limits(const PlacementView& view, Instant now) {
  move_windows(now);
  line_.expire(now, 65'536);
  view_.cluster = view.cluster;
  view_.capacity = view.capacity;
  view_.accept_per_second = view.accept_per_second;
  view_.policy = view.policy;
  view_.seats_per_key = view.seats_per_key;
  view_.hold = view.hold;
  rate_ = AdmissionRate::of(view.accept_per_second);
  rate_tick_ = rate_.limits() ? rate_.tick(now) : 0;
  if (!std::exchange(is_rate_unknown_, false) || !rate_.limits()) return;
  for (std::uint32_t index = 0; index < slots_.size(); ++index) {
    slots_[index].window.give(rate_.in_window);
    if (!std::exchange(slots_[index].windowed, true)) windowed_.push_back(index);
  }
}

// Each instance of the view gets its slot; who is not in it is gone.
void PlacementLedger::match_slots(const PlacementView& view) {
  seen_.assign(slots_.size(), false);
  slots_in_view_.resize(view.instances.size(), kNone);
  for (std::size_t i = 0; i < view.instances.size(); ++i) {
    const auto& identity = view.instances[i].identity;
    std::uint32_t& slot = slots_in_view_[i];
    const bool is_same =
        slot < slots_.size() && slots_[slot].number != 0 &&
        (slots_[slot].identity == identity || slots_[slot].identity->id == identity->id);
    if (!is_same) slot = slot_make(identity->id.text);
    if (slot >= seen_.size()) seen_.resize(slot + 1);
    seen_[slot] = true;
  }
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
    if (!seen_[slot] && slots_[slot].number != 0) slot_end(slot);
}

void PlacementLedger::end_apply(const PlacementView& view) {
  view_.version = view.version;
  distrust_until_ = {};
  open_ = ripe_.open;
}

// The slot of an instance, a new one where it is new.
std::uint32_t PlacementLedger::slot_make(std::string_view id) {
  if (const auto known = slot_by_id_.find(id); known != slot_by_id_.end()) return known->second;
  std::uint32_t index = std::uint32_t(slots_.size());
  if (!slots_free_.empty()) {
    index = slots_free_.back();
    slots_free_.pop_back();
  } else {
    slots_.emplace_back();
  }
  PlaceSlot& slot = slots_[index];
  slot = {};
  slot.identity = placeable_identity(std::string(id));
  slot.number = ++slot_number_;
  slot_by_id_.emplace(id, index);
  if (log_) log_->instance(slot.number, id);
  return index;
}

void PlacementLedger::slot_end(std::uint32_t index) {
  PlaceSlot& slot = slots_[index];
  while (slot.room_first != kNone) room_end(slot.room_first);
  while (slot.oldest != kNone) {
    const std::uint32_t hold = slot.oldest;
    give_up(holds_[hold], holds_[hold].seats - holds_[hold].arrived);
    unlist(hold);
    forget(hold);
  }
  free_ -= slot.free;
  offered_ -= slot.offer;
  std::erase(windowed_, index);
  slot_by_id_.erase(slot_by_id_.find(slot.identity->id.text));
  slot = {};
  touch(index);
  slots_free_.push_back(index);
}

// Answers what it was worth, in holds ended and a slot seen to.
int PlacementLedger::slot_update(std::uint32_t index, const Placeable& seen, Instant now) {
  PlaceSlot& slot = slots_[index];
  if (slot.identity != seen.identity) {
    slot.identity = seen.identity;
    slot.has_tickets = seen.identity->url.find("${ticket}") != std::string::npos;
  }
  slot.open = seen.open;
  slot.honours_keys = seen.honours_keys;
  slot.serving_since = seen.serving_since;
  slot.weight = seen.weight;
  if (distrust_until_ > now) slot.closed_until = distrust_until_;
  if (slot.closed_until <= now) slot.closed_until = {};
  // A count that is not newer tells nothing new, and is not to be taken for one that has seen the
  // latest arrivals.
  int work = 1;
  if (seen.count_known && (!slot.counted_at || seen.counted_at > *slot.counted_at))
    work += slot_counted(index, seen, now);
  slot.count_known = seen.count_known;
  if (slot.keys > 0) work += room_sweep(index, now);
  return work;
}

int PlacementLedger::slot_counted(std::uint32_t index, const Placeable& seen, Instant now) {
  PlaceSlot& slot = slots_[index];
  int ended = 0;
  if (seen.accepted && slot.tells_accepted()) {
    const std::int64_t rise = *seen.accepted - *slot.accepted;
    if (rise < 0)  // the counter began anew
      slot.released = slot.released_before = slot.named = slot.named_before = slot.unnamed = 0;
    else
      ended = slot_accepted(index, rise, seen.counted_at, now);
  }
  if (seen.accepted) slot.accepted = seen.accepted;
  slot.released_before = std::exchange(slot.released, 0);
  slot.named_before = std::exchange(slot.named, 0);
  slot.connections = std::max(0, seen.connections);
  slot.counted_at = seen.counted_at;
  std::erase_if(slot.settling, [&](const PlaceSlot::Settling& settling) {
    if (settling.at > seen.counted_at - options_.count_lag) return false;
    slot.held -= settling.seats;
    return true;
  });
  if (slot.connections > 0) {
    slot.zeros = 0;
  } else {
    ++slot.zeros;
    slot.zero_before = std::exchange(slot.zero_at, seen.counted_at);
  }
  return ended;
}

// Who may yet come for a seat that was given back in his stead was expected before all whose holds
// are pending: the arrival may be his. Answers what is left of `rise`.
std::int64_t PlacementLedger::slot_awaited(PlaceSlot& slot, std::int64_t rise, Instant counted_at) {
  for (PlaceSlot::Settling& settling : slot.settling) {
    if (!settling.awaited || settling.at <= counted_at) continue;
    const auto came = int(std::min<std::int64_t>(rise, settling.seats));
    settling.seats -= came;
    slot.held -= came;
    rise -= came;
    slot.presumed += came;
    slot.presumed_at = counted_at;
    slot.presumed_until = std::max(slot.presumed_until, settling.at);
  }
  return rise;
}

// The counter rose: by those that are accounted for otherwise, and by arrivals. Where some show
// tickets an arrival is taken for one without only when the next count has come.
int PlacementLedger::slot_accepted(std::uint32_t index, std::int64_t rise, Instant counted_at,
                                   Instant now) {
  PlaceSlot& slot = slots_[index];
  const auto account = [](std::int64_t& told, std::int64_t& known) {
    const std::int64_t both = std::min(told, known);
    told -= both;
    known -= both;
  };
  for (std::int64_t* told : {&slot.unnamed, &rise})
    for (std::int64_t* known : {&slot.released_before, &slot.released}) account(*told, *known);
  for (std::int64_t* known : {&slot.named_before, &slot.named}) account(rise, *known);
  if (slot.tells_tickets) {
    std::swap(slot.unnamed, rise);
    counted_at = *slot.counted_at;
  }
  return rise > 0 ? slot_arrivals(index, rise, counted_at, now) : 0;
}

// So many clients came, or fewer: of those expected before the count the oldest have.
int PlacementLedger::slot_arrivals(std::uint32_t index, std::int64_t rise, Instant counted_at,
                                   Instant now) {
  PlaceSlot& slot = slots_[index];
  int ended = 0;
  if (slot.presumed_until <= now) slot.presumed = 0;
  rise = slot_awaited(slot, rise, counted_at);
  for (; rise > 0 && slot.oldest != kNone; ++ended) {
    const std::uint32_t oldest = slot.oldest;
    Hold& hold = holds_[oldest];
    if (hold.granted >= counted_at) break;
    const auto came = std::uint32_t(std::min<std::int64_t>(rise, hold.seats - hold.arrived));
    rise -= came;
    slot.presumed += int(came);
    slot.presumed_at = counted_at;
    slot.presumed_until = std::max(slot.presumed_until, hold.expires);
    hold.arrived = std::uint16_t(hold.arrived + came);
    give_up(hold, came);
    if (hold.arrived == hold.seats) end_arrived(oldest, now);
  }
  return ended;
}

void PlacementLedger::note_ripe(const PlaceSlot& slot, Instant now) {
  if (slot.number == 0 || !slot.open) return;
  Ripe& ripe = applying_ ? next_ripe_ : ripe_;
  ++ripe.open;
  if (now - slot.serving_since < options_.ramp) return;
  ++ripe.count;
  ripe.load += double(slot.connections) + slot.held;
}

void PlacementLedger::slot_ramp(PlaceSlot& slot, Instant now) {
  const double age = to_seconds(now - slot.serving_since) / to_seconds(options_.ramp);
  slot.ramp = ripe_.count > 0 && age < 1 ? (1 - std::max(0.0, age)) * ripe_.load / ripe_.count : 0;
}

const PlaceSlot* PlacementLedger::find_instance(std::string_view id) const {
  const auto known = slot_by_id_.find(id);
  return known == slot_by_id_.end() ? nullptr : &slots_[known->second];
}

int PlacementLedger::seats_held() const {
  int held = 0;
  for (const PlaceSlot& slot : slots_) held += slot.held;
  return held;
}

PublishedCluster PlacementLedger::published() const {
  PublishedCluster all{.cluster = view_.cluster, .capacity = view_.capacity, .lines = {}};
  all.lines.reserve(slots_.size());
  for (const PlaceSlot& slot : slots_)
    if (slot.number != 0)
      all.lines.push_back({.identity = slot.identity,
                           .open = slot.open,
                           .free = slot.free,
                           .is_free_known = slot.count_known && slot.closed_until == Instant{},
                           .load = load_of(slot)});
  return all;
}

SeatReport PlacementLedger::report() const {
  SeatReport report;
  report.cluster = view_.cluster;
  report.version = view_.version;
  report.waiting = line_.waiting();
  report.granted = granted_;
  report.refused = refused_;
  report.lines.reserve(slots_.size());
  for (const PlaceSlot& slot : slots_)
    if (slot.number != 0 && (slot.held > 0 || slot.keys > 0))
      report.lines.push_back({slot.identity->id, slot.held, slot.keys});
  return report;
}

}  // namespace utakata
