// The virtual users of this process: begun and told to leave when their plan says, on Node's loop.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <optional>

#include "load/addon/caller.h"
#include "load/schedule/schedule.h"
#include "net/loop.h"

namespace utakata::load {

class Users {
 public:
  // JavaScript's user(), leave() and over() are called: see users.cc.
  Users(net::Loop& loop, Caller& caller, const LoadPlan& plan, Part part, Duration starts_in);
  ~Users();
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  void done(std::int64_t number);
  void end();
  void pause(bool is_paused);  // nobody begins, and the plan's time stands still
  void more(double factor);    // as Schedule's

 private:
  Duration elapsed() const;  // of the plan
  void serve();
  void arm();

  net::Loop& loop_;
  Caller& caller_;
  Schedule schedule_;
  Instant start_;  // moved on by pauses
  std::optional<Instant> paused_at_{};
  net::Loop::TimerId timer_ = 0;
  bool is_over_ = false, is_serving_ = false;
};

void add_users(napi_env env, napi_value exports);  // begin, done, end, pause and more

}  // namespace utakata::load
