// This host's crew: Node processes of ours.
#pragma once

#include <string>
#include <vector>

#include "load/workers/crew.h"
#include "load/workers/worker_process.h"
#include "net/loop.h"

namespace utakata::load {

class CrewHere final : public Crew {
 public:
  CrewHere(net::Loop& loop, std::vector<std::string> argv, std::int64_t workers)
      : loop_(loop), argv_(std::move(argv)), workers_(workers) {}
  const std::string& name() const override { return name_; }
  std::int64_t workers() const override { return workers_; }
  void workers(std::int64_t count) { workers_ = count; }
  void send(std::shared_ptr<const Bundle>) override {}
  Expected<std::unique_ptr<Worker>> start(Worker::Calls calls) override {
    return WorkerProcess::start(loop_, argv_, std::move(calls));
  }
  CrewClock clock() const override { return {}; }

 private:
  net::Loop& loop_;
  const std::vector<std::string> argv_;
  std::int64_t workers_;
  const std::string name_;
};

}  // namespace utakata::load
