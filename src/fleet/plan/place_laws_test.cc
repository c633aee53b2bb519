// Laws of placement, judged by a small world that knows who really is where: clients who come late
// or never, counts that were asked for up to 800 ms before they are answered, instances that tell
// nothing, arrivals, tickets, or arrivals and the tickets that some show, at once or later.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>
#include <vector>

#include "fleet/plan/place.h"

namespace utakata {
namespace {

enum class Tells { nothing, accepted, tickets, both };

struct Client {
  std::uint64_t placement = 0;
  std::string instance, key;
  Instant expires{};
  int promised = 0, connected = 0;
};

class World {
 public:
  World(Tells tells, int seats_per_key, bool in_pieces) : tells_(tells), in_pieces_(in_pieces) {
    view_.cluster = "game";
    view_.capacity = 4;
    view_.hold = 3s;
    view_.seats_per_key = seats_per_key;
    for (int i = 0; i < 3; ++i) add();
    apply();
  }

  void step(int what, int which) {
    now_ += std::chrono::milliseconds(what < 64 ? which * 7 : which / 4);  // crowded at times
    switch (what % 10) {
      case 0:
      case 1:
        return place(1 + which % 2, "", which);
      case 2:
      case 3:
        return place(1, "room-" + std::to_string(which % 4), which);
      case 4:
      case 5:
        return arrive(which);
      case 6:
        return leave(which);
      case 7:
        return release(which);
      case 8:
        return probe(which);
      default:
        return change(which);
    }
  }

  // A view that is being applied gets on by an instance or two, or not at all; and so do tickets
  // that are on their way to the controller.
  void go_on(int which) {
    ledger_.apply_more(which % 3, now_);
    for (int i = which % 4; i > 1 && !tickets_.empty(); --i) {
      ledger_.confirm(tickets_.front().first, tickets_.front().second, now_);
      tickets_.erase(tickets_.begin());
    }
  }

  void must_hold() {
    std::map<std::string, int> taken;
    std::map<std::string, std::set<std::string>> at;
    for (Client& client : clients_) {
      if (client.expires <= now_) client.promised = 0;
      taken[client.instance] += client.promised + client.connected;
      if (!client.key.empty() && client.promised + client.connected > 0)
        at[client.key].insert(client.instance);
    }
    for (const auto& [instance, seats] : taken) RC_ASSERT(seats <= view_.capacity);
    for (const auto& [key, instances] : at) RC_ASSERT(instances.size() == 1u);
    for (const auto& instance : view_.instances) {
      const PlaceSlot* slot = ledger_.find_instance(instance.identity->id.text);
      RC_ASSERT(slot && slot->held >= 0);
    }
  }

  // Everybody leaves and a minute passes: whatever is still held or bound then would be lost for
  // ever.
  void nothing_is_lost() {
    for (Client& client : clients_) client.promised = client.connected = 0;
    for (int second = 0; second < 60; ++second) {
      now_ += 1s;
      while (ledger_.expire(now_, 100)) {
      }
      sample();
      apply();
      while (ledger_.apply_more(1, now_)) {
      }
    }
    RC_ASSERT(ledger_.seats_held() == 0);
    for (const auto& line : ledger_.report().lines) RC_ASSERT(line.keys == 0);
    for (auto& instance : view_.instances) instance.open = true;
    ledger_.apply(view_, now_);
    for (std::size_t i = 0; i < view_.instances.size() * std::size_t(view_.capacity); ++i)
      RC_ASSERT(ledger_.place({}, now_).has_value());
    RC_ASSERT(!ledger_.place({}, now_).has_value());
  }

 private:
  void add() {
    Placeable instance;
    instance.identity =
        placeable_identity("game-" + std::to_string(++number_),
                           tells_ == Tells::tickets ? "ws://h/?t=${ticket}" : "ws://h/");
    instance.open = instance.honours_keys = instance.count_known = true;
    instance.counted_at = now_;
    instance.serving_since = now_;
    if (counts_arrivals()) instance.accepted = 0;
    view_.instances.push_back(instance);
  }
  bool counts_arrivals() const { return tells_ == Tells::accepted || tells_ == Tells::both; }
  void apply() {
    ++view_.version;
    if (in_pieces_)
      ledger_.apply_begin(std::make_shared<PlacementView>(view_), now_);
    else
      ledger_.apply(view_, now_);
  }
  void place(int seats, const std::string& key, int which) {
    const auto answer =
        ledger_.place({.seats = seats, .key = key, .hold = which % 3 ? 3s : 1s}, now_);
    if (!answer) return;
    clients_.push_back({answer->number, ledger_.instance(answer->slot).identity->id.text, key,
                        answer->expires, seats, 0});
  }
  Client* any(int which, auto&& fits) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      Client& client = clients_[(std::size_t(which) + i) % clients_.size()];
      if (fits(client)) return &client;
    }
    return nullptr;
  }
  void arrive(int which) {
    Client* client =
        any(which, [&](const Client& c) { return c.promised > 0 && now_ < c.expires; });
    if (!client) return;
    --client->promised;
    ++client->connected;
    ++accepted_[client->instance];
    if (tells_ == Tells::both && which % 2 == 0)
      tickets_.emplace_back(client->instance, client->placement);
    if (tells_ == Tells::tickets)
      RC_ASSERT(ledger_.confirm(client->instance, client->placement, now_) ==
                Confirmation::arrived);
  }
  void leave(int which) {
    if (Client* client = any(which, [](const Client& c) { return c.connected > 0; }))
      --client->connected;
  }
  void release(int which) {
    Client* client = any(which, [](const Client& c) { return c.promised + c.connected > 0; });
    if (!client) return;
    if (which % 16 == 0 && !client->key.empty()) {
      for (Client& other : clients_)  // the app says that the room is over, and closes it
        if (other.key == client->key) other.promised = other.connected = 0;
      ledger_.release_key(client->key);
    } else {
      client->promised = client->connected = 0;
      ledger_.release(client->placement, now_);
    }
  }
  void sample() {
    for (auto& instance : view_.instances) {
      instance.connections = 0;
      for (const Client& client : clients_)
        if (client.instance == instance.identity->id.text) instance.connections += client.connected;
      if (counts_arrivals()) instance.accepted = accepted_[instance.identity->id.text];
      instance.counted_at = now_;
    }
  }
  void probe(int which) {
    sample();
    const Instant asked = now_;
    now_ += std::chrono::milliseconds(which * 3);  // at most 765 ms
    for (auto& instance : view_.instances) instance.counted_at = now_;
    // Somebody comes between the sample and the answer.
    if (which % 3 == 0) arrive(which);
    if (which % 5 == 0) place(1, "", which);
    RC_ASSERT(now_ - asked <= 800ms);
    apply();
  }
  void change(int which) {
    if (which % 5 == 0 && view_.instances.size() > 1) {
      const std::string gone = view_.instances.front().identity->id.text;
      view_.instances.erase(view_.instances.begin());
      std::erase_if(clients_, [&](const Client& c) { return c.instance == gone; });
    } else if (which % 5 == 1 && view_.instances.size() < 5) {
      add();
    } else {
      auto& instance = view_.instances[std::size_t(which) % view_.instances.size()];
      instance.open = which % 2 == 0;
      instance.honours_keys = which % 3 != 0;
    }
    apply();
  }

  const Tells tells_;
  const bool in_pieces_;  // views are applied an instance a step
  Instant now_{1h};
  int number_ = 0;
  PlacementView view_;
  PlacementLedger ledger_{{.seed = 7, .secret = {1, 2}}};
  std::vector<Client> clients_;
  std::map<std::string, std::int64_t> accepted_;
  std::vector<std::pair<std::string, std::uint64_t>> tickets_;  // shown; not yet confirmed
};

class Laws : public testing::TestWithParam<std::tuple<Tells, int, bool>> {};

TEST_P(Laws, never_above_capacity_no_key_twice_nothing_lost) {
  const auto [tells, seats_per_key, in_pieces] = GetParam();
  const bool holds = rc::check([&] {
    const auto steps = *rc::gen::scale(
        4.0, rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>());
    World world(tells, seats_per_key, in_pieces);
    for (const auto& [what, which] : steps) {
      world.step(what, which);
      world.go_on(which);
      world.must_hold();
    }
    world.nothing_is_lost();
  });
  EXPECT_TRUE(holds);
}

INSTANTIATE_TEST_SUITE_P(, Laws,
                         testing::Combine(testing::Values(Tells::nothing, Tells::accepted,
                                                          Tells::tickets, Tells::both),
                                          testing::Values(1, 4), testing::Bool()));

}  // namespace
}  // namespace utakata
