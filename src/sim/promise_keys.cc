// 13 Keys: who is in a room that lives is on one instance with the others, never more than its
// seats, and a drain takes no new rooms.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Keys final : public Promise {
 public:
  using Promise::Promise;
  void answers(const Asking& asking, const PlaceAnswer& answer, const Guest* guest,
               const SimWorld& world) override {
    if (!asking.room || !answer || !guest) return;
    Room& room = rooms_[*asking.room];
    if (!room.is_known || (room.there == 0 && !is_unknown(room, world)))
      room.untold_in = asking.is_untold ? std::optional(world.controller_since) : std::nullopt;
    if (room.there > 0 && room.on != guest->id && lives(room, world)) {
      if (is_unknown(room, world)) return room.is_moved = true, void();
      broken(fmt::format("room {} lives on {} and is sent to {}", *asking.room, room.on.text,
                         guest->id.text));
    }
    if (room.there > 0 && room.on == guest->id) tested();
    if (!room.is_known && guest->decided == Lifecycle::draining &&
        world.now - world.decided.at(guest->id).drained_at > 10ms)
      broken(fmt::format("room {} is new, and {} drains", *asking.room, guest->id.text));
    room.is_known = true;
  }
  void connects(const Guest& guest, const Asking& asking, const SimWorld& world) override {
    if (!asking.room || asking.is_uninvited) return;
    Room& room = rooms_[*asking.room];
    if (room.there > 0 && room.on != guest.id && lives(room, world) && !room.is_moved)
      return broken(
          fmt::format("room {} is on {} and on {}", *asking.room, room.on.text, guest.id.text));
    if (room.on != guest.id) room = {.on = guest.id, .is_known = true, .untold_in = room.untold_in};
    // Where arrivals are only counted, nobody knows whose they were: a seat may be given anew.
    const bool is_told_exactly = world.spec.count.accepted.empty();
    if (++room.there > world.spec.seats_per_key && is_told_exactly)
      broken(fmt::format("room {} has {} in it, {} seats", *asking.room, room.there,
                         world.spec.seats_per_key));
  }
  void is_taken_unheard(Instant now) override {
    for (auto& [number, room] : rooms_)
      if (room.is_known) room.untold_in = now - Duration{1};
  }
  void leaves(const Guest& guest, const Asking& asking) override {
    if (!asking.room || asking.is_uninvited) return;
    Room& room = rooms_[*asking.room];
    if (room.on == guest.id) --room.there;
  }

 private:
  struct Room {
    InstanceId on;
    int there = 0;
    bool is_known = false;
    std::optional<Instant> untold_in{};  // in which tenure, by its beginning
    bool is_moved = false;
  };
  // Whoever bound it was cut off from all others, and its tenure is over: it is known to nobody.
  static bool is_unknown(const Room& room, const SimWorld& world) {
    return room.untold_in && *room.untold_in != world.controller_since;
  }
  static bool lives(const Room& room, const SimWorld& world) {
    const Guest* const guest = world.hosts.find(room.on);
    // Where the counts are wrong nobody can know who is there.
    return guest && guest->phase == Guest::Phase::serving && !guest->was_lied_about;
  }
  std::unordered_map<std::uint32_t, Room> rooms_;
};

}  // namespace

std::unique_ptr<Promise> promise_keys(Promise::Witness witness) {
  return std::make_unique<Keys>(std::move(witness));
}

}  // namespace utakata
