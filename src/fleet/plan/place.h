// Who gets which instance, for one cluster: seats held, rooms, admission, the line. Pure: one
// thread, no I/O, `now` is an argument and never goes back. All in memory; a placement costs O(log
// instances), about 0.2 us.
//
// Seats. free = capacity - last count - seats held, and no seat is granted beyond it. A hold ends
// when it is released, when its client is known to have arrived (the instance confirms its ticket,
// or its `accepted` counter rose: the oldest holds have come), or at `expires`. A client that
// arrived may be missing in a count taken before, so arrived and expired seats stay held
// ("settling") until a count asked for after that moment is applied: apply() is what frees them.
// Where an instance does both, each client that shows a ticket is one in the counter, too, and
// those beyond them are the oldest holds'; where its url carries tickets they alone tell who has
// come. Where an instance tells neither tickets nor `accepted`, its holds run to `expires` and are
// counted twice meanwhile: never too few seats held, at times too many.
//
// Order. least: connections + held + ramp; weighted: the same divided by the weight; pack: the
// fewest free seats that suffice. The ramp of an instance that has served for a < 10 s is (1 - a /
// 10 s) x the mean load of the others: it is filled over ten seconds, not by every newcomer of the
// next one. Equal ones take turns.
//
// Rooms. The first placement of a key binds it to one instance and holds `seats_per_key` there
// once; later callers draw from it. What is not drawn `hold` after the last caller is given back. A
// key ends when it is released, when its instance is gone, when all its placements were released or
// surely never came and nothing is reserved, when its instance counted nobody twice since its last
// caller could have come, or when nobody asked for it for `key_idle` (or, beyond 4 x capacity keys
// of one instance, the longest unasked). An instance that tells neither is taken to have got all
// whom it was promised.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "fleet/model/placement.h"
#include "fleet/model/published.h"
#include "fleet/plan/place_admission.h"
#include "fleet/plan/place_holds.h"
#include "fleet/plan/place_line.h"
#include "fleet/plan/place_log.h"
#include "fleet/plan/place_order.h"
#include "fleet/plan/place_room_table.h"
#include "fleet/plan/place_secret.h"
#include "fleet/plan/place_slot.h"

namespace utakata {

struct PlaceRequest {
  int seats = 1;                   // >= 1
  std::string_view key{};          // empty: none
  std::optional<Duration> hold{};  // none, or longer than the cluster's: the cluster's
  bool stranger = false;  // without a token: all strangers together hold a tenth of the capacity
  std::optional<std::uint64_t> line{};  // the place in line that an earlier refusal gave
};

struct Grant {
  std::uint64_t number = 0;  // of the placement: place_text() makes its id and its ticket
  std::uint32_t slot = 0;    // PlacementLedger::instance()
  Instant expires{};
};

struct Refusal {
  enum class Why : std::uint8_t {
    nothing_serves,    // no instance takes anybody
    full,              // in line
    admission,         // every instance has been given all it accepts in this second; in line
    strangers_full,    // without a token: their share is used up
    too_many_seats,    // more than an instance, or a room, has: `limit`
    too_many_at_once,  // more than an instance accepts in a second: `limit`
    room_full,         // all seats of the room are taken: `limit`
    key_away           // the instance that the key is bound to takes nobody just now
  };
  Why why = Why::full;
  Duration retry_after{};               // zero: asking again does not help
  std::optional<std::uint64_t> line{};  // none: not in line, or the line itself is full
  std::int64_t ahead = 0;               // clients before it
  int limit = 0;
};
using PlaceAnswer = std::expected<Grant, Refusal>;

enum class Confirmation : std::uint8_t {
  arrived,
  over,           // used up, expired or released: its client has no seat
  other_instance  // placed elsewhere
};

class PlacementLedger {
 public:
  struct Options {
    std::uint64_t seed = 1;  // of jitter and of the first number in line
    PlaceSecret secret;      // of key hashing
    Duration ramp{10s};
    Duration count_lag{800ms};  // a count was asked for at most so long before it was answered: the
                                // probe's deadline
    Duration key_idle{24h};
  };
  static constexpr int kSeatsMax = 10'000;  // in one call
  explicit PlacementLedger(Options options);

  // Replaces the view. Instances are matched by id; one that is missing is gone, and its holds and
  // keys with it.
  void apply(const PlacementView& view, Instant now);
  // The same in pieces, for views of thousands: whoever asks for a place need not wait for all of
  // it. At once only what closes an instance; then each apply_more() does about so much work (an
  // instance, or a hold of one who has arrived: 0.2 us) and says whether there is more. A view that
  // was not finished is, before the next begins. Changed limits are applied whole.
  void apply_begin(std::shared_ptr<const PlacementView> view, Instant now);
  bool apply_more(int work, Instant now);
  PlaceAnswer place(const PlaceRequest& request, Instant now);
  bool release(std::uint64_t placement, Instant now);  // false: it has ended before
  bool release_key(std::string_view key);
  // One client of the placement has come; once for each of its seats.
  Confirmation confirm(std::string_view instance, std::uint64_t placement, Instant now);
  bool expire(Instant now,
              int at_most);  // true: there may be more. place() does a few at each call.
  SeatReport report() const;
  PublishedCluster published() const;  // O(instances), 20 ns each

  const PlaceSlot& instance(std::uint32_t slot) const { return slots_[slot]; }
  const PlaceSlot* find_instance(std::string_view id) const;
  std::size_t slots() const { return slots_.size(); }
  const PlacementView& view() const { return view_; }  // without its instances
  int seats_held() const;

  // Everything that must outlive this process goes there from now on. None: nowhere.
  void log_to(PlaceLog* log) { log_ = log; }
  // Tells a log all that is held, in pieces, between which placing goes on and the same log is told
  // what happens. Each tell() tells about `work` records (0.1 us) and says whether there is more.
  struct Telling {
    bool rooms_only = false;  // and their placements: what time alone does not end
    bool has_begun = false;
    std::uint32_t room = 0, hold = 0;  // the next ones
  };
  bool tell(PlaceLog& to, Telling& telling, int work) const;
  void dump(PlaceLog& to) const;  // in one go
  // Before the first apply(): hears what an earlier life logged. Destroy it before anything else is
  // called.
  std::unique_ptr<PlaceLog> replay(Instant now);
  // Nothing is known of an earlier life: the instances of the next view take nobody before `until`.
  void distrust_past(Instant until) { distrust_until_ = until; }

 private:
  class Replay;
  struct KeyHash {
    using is_transparent = void;
    PlaceSecret secret;
    std::size_t operator()(std::string_view key) const { return siphash(secret, key); }
  };
  using Names = std::unordered_map<std::string, std::uint32_t, KeyHash, std::equal_to<>>;

  // place.cc: choosing and granting
  PlaceAnswer place_fresh(const PlaceRequest& request, Instant now);
  PlaceAnswer place_bind(const PlaceRequest& request, Instant now);
  PlaceAnswer place_draw(std::uint32_t room, const PlaceRequest& request, Instant now);
  std::expected<std::uint32_t, Refusal> choose(int seats, const PlaceRequest& request, Instant now);
  std::uint32_t choose_slot(int seats, int clients) const;
  Refusal wait(PlaceClaim claim, bool admission, const PlaceRequest& request, Instant now);
  Duration come_back(std::int64_t clients_before, bool admission, double unit) const;
  double crowding(Instant now);
  Duration come_back() { return come_back(0, false, random_.unit()); }  // who is not in line
  Grant grant(std::uint32_t slot, std::uint32_t room, bool stranger, const PlaceRequest& request,
              Instant now);
  Duration hold_of(const PlaceRequest& request) const;
  int strangers_room() const;  // seats that strangers may still hold
  int admissible(const PlaceSlot& slot) const;
  double load_of(const PlaceSlot& slot) const;  // by which instances are compared
  void move_windows(Instant now);
  // Its place in the order, after anything changed. `all`: of every slot in turn; the order is
  // built afterwards.
  void touch(std::uint32_t slot, bool all = false);

  // place_holds_end.cc: how holds end
  void enlist(std::uint32_t hold);  // as its instance's newest
  void unlist(std::uint32_t hold);
  void give_up(Hold& hold, std::uint32_t seats);  // seats are free again
  std::uint32_t owed(PlaceSlot& slot, const Hold& hold, std::uint32_t absent, Instant at_least);
  void give_back(Hold& hold);
  void settle(PlaceSlot& slot, Instant at, int seats, bool awaited = false);
  void settle_named(PlaceSlot& slot, const Hold& hold, Instant now);
  void end_due(std::uint32_t hold, Instant now);
  void end_arrived(std::uint32_t hold, Instant now);  // all its clients are there
  void end_released(std::uint32_t hold, Instant now);
  void forget(std::uint32_t hold);

  // place_rooms.cc
  std::uint32_t room_make(std::string_view key, std::uint32_t slot, std::uint32_t total,
                          Instant now);
  void room_reserve(std::uint32_t room, std::uint32_t seats, Instant until, Instant now);
  void room_asked(std::uint32_t room, Instant now);  // it is its instance's latest
  void room_unlink(PlaceRoom& room);
  void room_rest(std::uint32_t room, Instant now);  // none of it is pending any more
  void room_wake(PlaceRoom& room);
  void room_join(std::uint32_t room, std::uint32_t hold);
  void room_part(std::uint32_t hold);   // the placement leaves its room's list
  void room_check(std::uint32_t room);  // ends it if nothing is left
  void room_end(std::uint32_t room);
  int room_sweep(std::uint32_t slot, Instant now);  // how many
  void room_log(const PlaceRoom& room, PlaceLog& to) const;

  // place_replay.cc
  void tell_instances(PlaceLog& to) const;
  int tell_room(const PlaceRoom& room, PlaceLog& to) const;  // how many records
  void tell_hold(std::uint32_t hold, PlaceLog& to) const;
  void sort_pending(PlaceSlot& slot);

  // place_apply.cc
  struct Ripe {  // instances that are open, and those of them that have served long enough
    int open = 0, count = 0;
    double load = 0;  // of the latter
  };
  void take_limits(const PlacementView& view, Instant now);
  void match_slots(const PlacementView& view);
  void apply_whole(const PlacementView& view, Instant now);
  void end_apply(const PlacementView& view);
  std::uint32_t slot_make(std::string_view id);
  void slot_end(std::uint32_t slot);
  int slot_update(std::uint32_t slot, const Placeable& seen, Instant now);
  int slot_counted(std::uint32_t slot, const Placeable& seen, Instant now);
  int slot_accepted(std::uint32_t slot, std::int64_t rise, Instant counted_at, Instant now);
  std::int64_t slot_awaited(PlaceSlot& slot, std::int64_t rise, Instant counted_at);
  int slot_arrivals(std::uint32_t slot, std::int64_t rise, Instant counted_at, Instant now);
  void note_ripe(const PlaceSlot& slot, Instant now);
  void slot_ramp(PlaceSlot& slot, Instant now);

  Options options_;
  Random random_;
  PlacementView view_;
  AdmissionRate rate_;
  std::int64_t rate_tick_ = 0;
  bool is_rate_unknown_ = false;  // who came in the last second of an earlier life is not logged
  Instant distrust_until_{};
  std::vector<PlaceSlot> slots_;
  std::vector<std::uint32_t> slots_free_;
  Names slot_by_id_;
  RoomTable rooms_;
  std::uint32_t slot_number_ = 0, room_number_ = 0;
  HoldTable holds_;
  PlaceOrder order_;
  std::vector<std::uint32_t> windowed_;
  PlaceLine line_;
  static constexpr double kOutside = 10'000;  // a second
  Instant outside_since_{};                   // a second's beginning
  int outside_ = 0, outside_before_ = 0;  // refused in it, and in the one before, without a line
  std::uint64_t ties_ = 0;
  std::int64_t offered_ = 0, free_ = 0;  // sums over the instances
  int open_ = 0, strangers_held_ = 0;
  std::int64_t granted_ = 0, refused_ = 0;
  PlaceLog* log_ = nullptr;
  Ripe ripe_, next_ripe_;  // of the last whole view; of the one being applied
  std::shared_ptr<const PlacementView> applying_;  // in pieces; none: the last one is whole
  std::size_t applied_ = 0;                        // of its instances
  std::vector<bool> seen_;                         // by slot, while slots are matched
  std::vector<std::uint32_t>
      slots_in_view_;  // of the last view's instances: the next one's likely stand alike
};

}  // namespace utakata
