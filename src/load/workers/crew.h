// Where workers of a run are started: on this host, or on an agent's. Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "load/bundle/bundle.h"
#include "load/workers/worker.h"

namespace utakata::load {

struct CrewClock {
  Duration offset{};  // what added to their monotonic clock makes ours
  Duration error{};   // by so much it may be wrong, either way
};

class Crew {
 public:
  virtual ~Crew() = default;
  virtual const std::string& name() const = 0;  // "bees-2"; "": this host
  virtual std::int64_t workers() const = 0;     // so many are to be started
  // What workers need that are started from now on; where they share our files it is nothing.
  virtual void send(std::shared_ptr<const Bundle> bundle) = 0;
  // One whose host is lost hears of it as of its end (WorkerEnd::lost), all of a crew in one turn;
  // when the crew goes they are silent.
  virtual Expected<std::unique_ptr<Worker>> start(Worker::Calls calls) = 0;
  virtual CrewClock clock() const = 0;
};

}  // namespace utakata::load
