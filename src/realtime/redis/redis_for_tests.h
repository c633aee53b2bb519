// The cluster of buses on a Redis of a test's own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "net/loop.h"
#include "net/redis/redis_for_tests.h"
#include "net/run_until.h"
#include "realtime/bus/contract.h"
#include "realtime/redis/redis_bus.h"

namespace utakata::realtime {

class RedisClusterForTests final : public bus_contract::Cluster {
 public:
  explicit RedisClusterForTests(RedisBusSettings settings = {}, std::string password = "")
      : redis(std::move(password)), settings_(std::move(settings)) {
    settings_.address = redis.address();
  }
  std::unique_ptr<Bus> another() override { return std::make_unique<RedisBus>(loop, settings_); }
  bool run_until(const std::function<bool()>& holds) override {
    return net::run_until(loop, holds);
  }
  void cut() override { redis.end(); }
  void mend() override { redis.start(); }

  net::Loop loop;
  net::RedisForTests redis;

 private:
  RedisBusSettings settings_;
};

}  // namespace utakata::realtime
