// The made-up world's people: they arrive, ask for a place, wait in line, connect, stay a while and
// leave; who is cut comes again. As many as a load curve says wish to be there.
//
// A person is 64 bytes and, at any time, one event of the timeline or two. Deterministic, one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "fleet/plan/place.h"
#include "sim/hosts.h"
#include "sim/load.h"
#include "sim/result.h"

namespace utakata {

// A person asks for a place, for who watches.
struct Asking {
  std::uint32_t crowd = 0;
  std::uint32_t who = 0;  // somebody else's number as soon as this one has left
  Instant since{};        // its first question
  std::optional<std::uint32_t> room;
  std::optional<std::uint64_t> line;  // the place in line that it has
  // It came by an old address, or by that of a controller which did not know that another has the
  // cluster.
  bool is_uninvited = false;
  // Of several controllers: who answers, cut off from all others, so that none can know of it.
  bool is_untold = false;
};

// Where people ask for places, if not at a ledger that answers at once.
struct DoorQuestion {
  std::string cluster, room;
  std::optional<std::uint64_t> line;
  Asking asking;
};
struct DoorAnswer {
  std::optional<PlaceAnswer> answer{};  // none: nobody answered
  std::uint32_t guest = 0xffffffff;     // in Hosts, where one was granted and is there
  bool is_blind = false;                // by a controller that did not know of the owner
};
class Door {
 public:
  virtual ~Door() = default;
  // `done` is called once.
  virtual void ask(DoorQuestion question, std::function<void(const DoorAnswer&)> done) = 0;
  virtual void give_back(const std::string& cluster, std::uint64_t placement) = 0;
};

struct Crowd {  // the people of one cluster
  std::string cluster;
  LoadCurve load;                     // of no points: nobody comes
  Duration session{30min};            // mean, exponential
  Duration patience{45s};             // silence that a client sits out before it connects anew
  int seats_per_key = 1;              // they come in rooms of so many
  Duration reconnect{1s};             // after a cut, half of it to one and a half
  double dawdlers = 0;                // share that dials so late that its seat is only just held
  double friends = 0;                 // share that asks for the room of friends, not for the next
  double nostalgics = 0;              // share that dials the old address after a cut, unasked
  PlacementLedger* ledger = nullptr;  // none: there is no controller to ask just now
  Door* door = nullptr;               // asked instead, where there is one

  std::int64_t arrivals = 0, placements = 0, refused = 0, connections = 0;
  std::uint32_t matched = 0;  // into rooms, one after another
  SimCuts cuts;
  std::int64_t cut_by_hand = 0, sent_away = 0;
  std::int64_t wishing = 0;  // to be connected
  std::int64_t unheard = 0;  // of them: told to come later, by one whose line is forgotten since
  std::int64_t in_line = 0;  // told to come later, by the present one
  std::uint16_t lines = 0;   // forgotten ones
  std::vector<std::uint32_t> waited_ms;  // of each who got in
  // By slot of the ledger: whose it was when it was last asked for, and where that lies in Hosts.
  std::vector<std::pair<std::shared_ptr<const Placeable::Identity>, std::uint32_t>> guest_of = {};
};

class People {
 public:
  People(Timeline& timeline, Hosts& hosts, std::uint64_t seed);

  std::uint32_t add(Crowd crowd);
  Crowd& crowd(std::uint32_t index) { return crowds_[index]; }
  void second();  // once a second: who is to come, who has had enough, who is sent away
  // Another answers from now on, or a new life: who stands in line is to come back and say so.
  void forget_line(std::uint32_t crowd);
  // The instance closes `pace` of its people a second, `most` in all (0: everybody); they ask for
  // another place. Pace 0: no more.
  void send_away(Guest& guest, double pace, int most);
  // The guest is where it was placed; none: refused, or placed on one that is gone.
  std::function<void(const Asking&, const PlaceAnswer&, const Guest*)> on_answer;
  std::function<void(const Guest&, const Asking&)> on_connect, on_leave;  // of an instance

 private:
  static constexpr std::uint32_t kNobody = 0xffffffff;
  enum Kind : std::uint32_t { arrive, ask, dial, dial_again, leave, lose_patience };
  struct Person {
    Instant asks_since{};
    std::uint64_t placement = 0, line = 0;
    std::uint32_t guest = kNobody, next = kNobody,
                  before = kNobody;  // of a free one: the next free
    std::uint32_t room = 0;
    std::uint8_t crowd = 0, tries = 0;
    std::uint16_t line_of = 0;  // which of its crowd's lines told it to come later
    bool is_wishing = false, is_connected = false, has_line = false, has_end = false,
         is_leaving = false, is_dialling = false, is_uninvited = false, is_blind = false,
         is_told_to_wait = false;
  };

  struct Closing {
    std::uint32_t guest = kNobody;
    double pace = 0, due = 0;
    int left = 0;
  };

  void take(const Timeline::Event& event);
  void prepare(const Timeline::Event& event, bool is_near);
  std::uint32_t room_of(Crowd& crowd);
  void arrives(std::uint32_t crowd);
  void asks(std::uint32_t who);
  void asks_at(Door& door, std::uint32_t who, const std::string& room);
  void heard(std::uint32_t who, const PlaceAnswer& answer, std::uint32_t guest);
  void told_to_wait(std::uint32_t who);
  void has_waited(std::uint32_t who);
  void dials(std::uint32_t who);
  void connects(std::uint32_t who, Guest& guest);
  void departs(std::uint32_t who);
  std::uint32_t anybody_of(std::uint32_t crowd);
  void ends(std::uint32_t who);
  void cut_all(Guest& guest, CutCause cause);
  void unlink(std::uint32_t who);
  void close_some(Closing& closing);
  void hang_up(std::uint32_t who);  // nobody dials any more
  Asking asking(std::uint32_t who) const;
  const Guest* guest_or_none(std::uint32_t guest);
  void forget(std::uint32_t who);
  std::uint32_t guest_at(Crowd& crowd, std::uint32_t slot);
  void after(Duration wait, Kind kind, std::uint32_t who);
  Duration jittered(Duration around);  // half of it to one and a half

  Timeline& timeline_;
  Hosts& hosts_;
  Random random_;
  std::vector<Crowd> crowds_;
  std::vector<Person> people_;
  std::vector<Closing> closing_;
  std::uint32_t free_ = kNobody;
};

}  // namespace utakata
