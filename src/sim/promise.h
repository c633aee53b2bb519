// The checkers: one promise of the design each. They look at the made-up world itself and compare
// it with what the controller recorded; they trust no record for a fact about the world.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fleet/model/activity.h"
#include "fleet/model/fleet.h"
#include "sim/hosts.h"

namespace utakata {

struct Stopping {                      // the controller has just asked for an instance's end
  const Guest& guest;                  // the truth, before anything is cut
  CutCause cause = CutCause::scaling;  // by the record
  const ClusterSpec& spec;
  Instant now{};
};

struct SimWorld {  // of one cluster
  const ClusterSpec& spec;
  Hosts& hosts;
  const Fleet* fleet = nullptr;  // none: there is no controller just now
  Instant now{}, last_fault{}, controller_since{};
  bool is_held_back = false;  // the record says that something keeps the fleet from its size
};

class Promise {
 public:
  using Broken = std::function<void(std::string what)>;
  explicit Promise(Broken broken) : broken_(std::move(broken)) {}
  virtual ~Promise() = default;
  virtual void stops(const Stopping&) {}
  virtual void connects(const Guest&, const ClusterSpec&) {}
  virtual void second(const SimWorld&) {}
  virtual void ends(Hosts&, std::span<const Activity>) {}

 protected:
  void broken(std::string what) const { broken_(std::move(what)); }

 private:
  Broken broken_;
};

std::unique_ptr<Promise> promise_no_cut(Promise::Broken broken);      // 1
std::unique_ptr<Promise> promise_bounds(Promise::Broken broken);      // 4
std::unique_ptr<Promise> promise_seats(Promise::Broken broken);       // 5
std::unique_ptr<Promise> promise_certainty(Promise::Broken broken);   // 6
std::unique_ptr<Promise> promise_crash_safe(Promise::Broken broken);  // 9
std::unique_ptr<Promise> promise_reasons(Promise::Broken broken);     // 11
std::unique_ptr<Promise> promise_liveness(Promise::Broken broken);    // L1

}  // namespace utakata
