// Which users begin and leave when, in one worker, for all flows of a plan. Pure: times are of the
// run, which stands still while it is paused.
//
// A user has a number that no other has, in any worker: of n workers the i-th deals i, i + n, ...
// in the order in which its users first begin. A closed model's user keeps it when it begins anew.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "load/pacing/mix.h"
#include "load/plan/load_plan.h"

namespace utakata::load {

struct UserBegin {
  std::int64_t number = 0;
  std::size_t scenario = 0;  // among those of all flows, in the plan's order
  Duration meant{};          // when it was to begin: never after it did
  bool operator==(const UserBegin&) const = default;
};

class Schedule {
 public:
  struct Turn {
    std::vector<UserBegin> begin;
    // Are to end what they do; each is told once, the last too, after who begins: some do both.
    std::vector<std::int64_t> leave;
  };

  Schedule(const LoadPlan& plan, Part part);

  // Who begins (`most` at a time) and leaves until then. `now` never falls.
  Turn at(Duration now, std::size_t most = 256);
  // When at() has more; nothing: not before done() or more() is called.
  std::optional<Duration> next(Duration now) const;
  // That user has ended what it began. Who is not busy is none of ours: nothing happens.
  void done(std::int64_t number, Duration now);
  // From now on `factor` times as many users, or arrivals, as were planned; 0 to 1,000.
  void more(double factor, Duration now);
  // Nobody begins any more, and all who are busy leave with the next at().
  void end();

  bool is_over(Duration now) const;  // nobody is busy, nobody will begin
  std::size_t busy() const { return busy_.size(); }

 private:
  struct Slot {                // of a closed model: one who is there while there are to be so many
    std::int64_t number = -1;  // of its user; -1: it has not begun yet
    std::int64_t iterations = 0;
    bool is_busy = false, is_leaving = false, is_waiting = false;
  };
  struct Waiting {
    std::size_t slot = 0;
    Duration meant{};
  };
  struct Closed {
    ClosedModel planned;
    Population population;
    std::vector<Slot> slots{};
    std::deque<Waiting> waiting{};  // for their turn to begin
    std::int64_t wanted = 0;
    Duration looked_at{-1};    // `wanted` is of then
    bool is_other = false;     // the population, since then
    std::int64_t has_all = 0;  // slots that have had all their iterations
  };
  struct Open {
    OpenModel planned;
    Arrivals arrivals;
    std::optional<Arrival> coming;
    Duration comes_until{};  // the end of the last stage in which anybody comes
    std::int64_t begun = 0, busy = 0;
    bool is_over = false;  // all have come, and were told to leave
  };
  struct Flow {
    Duration start{};
    std::size_t first_scenario = 0;
    Mix mix;
    std::variant<Closed, Open> model;
  };
  struct Busy {
    std::size_t flow = 0, slot = 0;  // slot: of a closed model
  };

  void look(Closed& closed, Duration until, Turn& turn);
  void want(Closed& closed, std::int64_t wanted, Duration since, Turn& turn);
  void wait(Closed& closed, std::size_t slot, Duration meant);
  void begin(std::size_t flow, Closed& closed, std::size_t most, Turn& turn);
  void begin(std::size_t flow, Open& open, Duration now, std::size_t most, Turn& turn);
  void leave_all(std::size_t flow, Turn& turn);
  std::optional<Duration> next_of(const Flow& flow, Duration now) const;

  Part part_;
  std::vector<Flow> flows_;
  std::unordered_map<std::int64_t, Busy> busy_;  // by number
  std::int64_t dealt_ = 0;                       // numbers
  bool is_ended_ = false, is_end_told_ = false;
};

}  // namespace utakata::load
