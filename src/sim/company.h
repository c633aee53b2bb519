// Several controllers of one stack: what they share, and what lies between them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/engine.h"
#include "sim/etcd.h"
#include "sim/people.h"

namespace utakata {

class Lives;

class Company final : public Door {
 public:
  Company(Timeline& timeline, Hosts& hosts, std::uint64_t seed);

  MadeUpEtcd etcd;
  HostsEngine engine;
  std::vector<Lives*> all;  // by number; of the whole day

  // Faults may overlap: they are counted.
  void cut_from_etcd(std::size_t who, int more);
  void cut_from_others(std::size_t who, int more) { from_others_[who] += more; }
  bool is_cut_from_etcd(std::size_t who) const { return from_etcd_[who] > 0; }
  bool is_cut_from_others(std::size_t who) const { return from_others_[who] > 0; }
  bool are_linked(std::size_t one, std::size_t other) const {
    return from_others_[one] == 0 && from_others_[other] == 0;
  }
  void add(Lives& lives);
  // Number of the one at that address; none: nobody's.
  Lives* find(const std::string& url) const;
  static std::string url_of(std::size_t who);

  // A controller has answered: the witness hears of it, and says whether it did so without knowing
  // that the cluster is another's by now.
  struct Placing {
    const Asking& asking;
    const PlaceAnswer& answer;  // in the world's time
    const Guest* guest;
    std::size_t by = 0;
    Ownership::Kind as = Ownership::Kind::nobody;
  };
  std::function<bool(const Placing&)> on_placing = [](const Placing&) { return false; };

  // Of any controller that is there, one in turn for another.
  void ask(DoorQuestion question, std::function<void(const DoorAnswer&)> done) override;
  void give_back(const std::string& cluster, std::uint64_t placement) override;

 private:
  Lives* anybody();

  Timeline& timeline_;
  Random random_;
  std::vector<int> from_etcd_, from_others_;
};

}  // namespace utakata
