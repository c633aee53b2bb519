// 13 Keys: who is in a room that lives is on one instance with the others, never more than its
// seats, and a drain takes no new rooms.
#include <fmt/format.h>

#include <algorithm>
#include <set>
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
    const bool is_forgotten = room.is_known && is_unknown(room, world);
    if (is_forgotten) room.placed.clear(), room.there.clear();  // it begins a second time
    if (!room.is_known || room.there.empty())
      room.untold_in = asking.is_untold ? std::optional(world.controller_since) : std::nullopt;
    if (!room.there.empty() && room.on != guest->id && lives(room, world))
      broken(fmt::format("room {} lives on {} and is sent to {}", *asking.room, room.on.text,
                         guest->id.text));
    if (!room.there.empty() && room.on == guest->id) tested();
    const bool is_new = !room.is_known && !room.given_unknowing.contains(guest->id);
    if (is_new && guest->decided == Lifecycle::draining &&
        world.now - world.decided.at(guest->id).drained_at > 10ms)
      broken(fmt::format("room {} is new, and {} drains", *asking.room, guest->id.text));
    room.is_known = true;
    room.placed.insert(asking.who);
  }
  // Who owns the cluster next is told of it, and honours it.
  void answers_unknowing(const Asking& asking, const Guest* guest) override {
    if (asking.room && guest) rooms_[*asking.room].given_unknowing.insert(guest->id);
  }
  void connects(const Guest& guest, const Asking& asking, const SimWorld& world) override {
    if (!asking.room || asking.is_uninvited) return;
    Room& room = rooms_[*asking.room];
    if (!room.placed.contains(asking.who)) return;  // into the one that was forgotten
    if (!room.there.empty() && room.on != guest.id && lives(room, world))
      return broken(
          fmt::format("room {} is on {} and on {}", *asking.room, room.on.text, guest.id.text));
    if (room.on != guest.id) room.there.clear();
    room.on = guest.id;
    room.there.insert(asking.who);
    // Where arrivals are only counted, nobody knows whose they were: a seat may be given anew.
    const bool is_told_exactly = world.spec.count.accepted.empty();
    if (std::ssize(room.there) > world.spec.seats_per_key && is_told_exactly)
      broken(fmt::format("room {} has {} in it, {} seats", *asking.room, room.there.size(),
                         world.spec.seats_per_key));
  }
  void is_taken_unheard(Instant now) override {
    for (auto& [number, room] : rooms_)
      if (room.is_known) room.untold_in = now - Duration{1};
  }
  void leaves(const Guest&, const Asking& asking) override {
    if (!asking.room || asking.is_uninvited) return;
    Room& room = rooms_[*asking.room];
    room.placed.erase(asking.who);
    room.there.erase(asking.who);
  }

 private:
  struct Room {
    InstanceId on;
    std::set<std::uint32_t> placed, there;  // people; those that left are in neither
    std::set<InstanceId> given_unknowing;
    bool is_known = false;
    std::optional<Instant> untold_in{};  // in which tenure, by its beginning
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
