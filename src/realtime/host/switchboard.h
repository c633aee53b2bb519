// The parent's side of its links to the workers: publications, connections that go from one to
// another, what they ask and what they are ordered. Loop thread only; what holds for a turn's end
// in HostBus holds here.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "net/descriptor.h"
#include "net/loop.h"
#include "realtime/host/hub.h"
#include "realtime/host/link.h"

namespace utakata::realtime {

struct SwitchboardLimits {
  HubLimits hub{};
  LinkLimits link{};           // of each worker; who lets more wait is given up
  Duration end_within{5s};     // of a process whose link has ended
  Duration answer_within{2s};  // who has not answered an order by then is left out
};

class Switchboard {
 public:
  using Worker = std::size_t;
  using Answer = std::function<void(std::string_view)>;  // at most once; it may outlive the board
  using Answers = std::map<Worker, std::string>;
  // None may destroy the board.
  struct Calls {
    // Answered at once or later; too late for a worker that is gone is no failure.
    std::function<void(Worker, std::string_view text, Answer)> asked{};
    // Its link has ended, or it has not read for long. It hears nothing any more: kill its process
    // unless it is gone after `grace`; one that ends as it should closes its link a little before.
    // May be called within order().
    std::function<void(Worker, const std::string& why, Duration grace)> gave_up{};
  };
  // `random`: a text unlike any before, for epochs.
  Switchboard(net::Loop& loop, std::function<std::string()> random, Calls calls,
              SwitchboardLimits limits = {});
  ~Switchboard();

  // `link`: our end. One that was there under this number is dropped.
  void connect(Worker worker, net::Descriptor link);
  std::size_t workers() const { return links_.size(); }
  // All that are connected are told. `gathered`: once, never within this call, with the answers of
  // those that gave one in time.
  void order(std::string_view text);
  void order(std::string_view text, std::function<void(Answers)> gathered);

 private:
  struct Order {
    std::function<void(Answers)> gathered;
    std::set<Worker> awaited{};
    Answers answers{};
    net::Loop::TimerId timer = 0;
  };
  void received(Worker worker, const Envelope& envelope, net::Descriptor descriptor);
  void joined(Worker worker);
  void published(const Envelope& envelope);
  void handed_over(Worker from, const Envelope& envelope, net::Descriptor descriptor);
  void asked(Worker worker, const Envelope& envelope);
  void answered(Worker worker, std::uint64_t order, std::string_view text);
  void send(Worker worker, Link::Parcel parcel);
  void give_up(Worker worker, const std::string& why, Duration grace);
  void drop(Worker worker);
  void finish(std::uint64_t order);

  net::Loop& loop_;
  const Calls calls_;
  const SwitchboardLimits limits_;
  Hub hub_;
  net::Loop::TimerId expiry_;
  struct Connected {
    std::uint64_t life;  // tells a worker from the one before it
    std::unique_ptr<Link> link;
  };
  std::map<Worker, Connected> links_;
  std::uint64_t last_life_ = 0;
  std::map<std::uint64_t, Order> orders_;
  std::uint64_t last_order_ = 0;
  std::shared_ptr<Switchboard*> self_;  // what answers and posts hold weakly
};

}  // namespace utakata::realtime
