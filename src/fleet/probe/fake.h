// A probe whose answers are set by hand: for tests and for the simulator.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "fleet/probe/probe.h"

namespace utakata {

class FakeProbe final : public Probe {
 public:
  explicit FakeProbe(const Clock& clock) : clock_(clock) {}
  void look(std::span<const ProbeTarget> targets, Duration deadline,
            std::function<void(std::vector<Sight>)> done) override;

  // What the instance answers from now on. Who was never set does not answer.
  void set(const InstanceId& id, Sight sight) { answers_[id] = std::move(sight); }
  void answers(const InstanceId& id, int connections);  // ready, with so many, counted when asked
  void is_silent(const InstanceId& id) { answers_.erase(id); }
  // Nobody answers to the nth look from now (1: the next one).
  void fail_at(int n) { fail_in_ = n; }
  // Held: `done` waits for release(). Otherwise it is called before look() returns.
  void hold(bool is_held) { is_held_ = is_held; }
  bool is_waiting() const { return bool(waiting_); }
  void release();

  const std::vector<std::string>& calls() const {
    return calls_;
  }  // "look game-1 game-2(starting) game-3(suspect)"

 private:
  const Clock& clock_;
  std::unordered_map<InstanceId, Sight> answers_;
  std::function<void()> waiting_;
  std::vector<std::string> calls_;
  int fail_in_ = 0;
  bool is_held_ = false;
};

}  // namespace utakata
