// What must hold for any plan on any host.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "load/pacing/part.h"
#include "load/preflight/preflight.h"

namespace utakata::load {
namespace {

using Number = std::optional<std::int64_t>;

// Small and large ones, and none.
std::int64_t any_count(std::int64_t most) {
  const auto bound = *rc::gen::element<std::int64_t>(10, 1000, 30'000, most);
  return *rc::gen::inRange<std::int64_t>(0, std::min(bound, most) + 1);
}
Number any_limit(std::int64_t most) {
  return *rc::gen::inRange(0, 4) == 0 ? std::nullopt : Number(any_count(most));
}

HostFacts any_host() {
  return {.descriptors = any_limit(1'000'000),
          .descriptors_max = any_limit(2'000'000),
          .files_max = any_limit(3'000'000),
          .files_open = any_count(5000),
          .ports = any_limit(64'000),
          .reuses_ports = *rc::gen::inRange(0, 3),
          .tracked_max = any_limit(500'000),
          .tracked = any_count(1000),
          .tracked_after = 1s * any_count(120),
          .backlog = any_limit(5000),
          .memory_bytes = any_limit(30'000'000'000),
          .tcp_pages = any_limit(600'000),
          .cores = double(*rc::gen::inRange(1, 400)) / 10,
          .tasks = any_limit(30'000)};
}

PreflightAsk any_ask() {
  PreflightAsk ask;
  ask.peak.users = any_count(2'000'000);
  if (*rc::gen::arbitrary<bool>()) {
    ask.peak.arrivals = any_count(5'000'000) + 1;
    ask.peak.arrivals_per_second = double(any_count(10'000) + 1) / 10;
  }
  ask.peak.begins_per_second = double(any_count(50'000));
  ask.peak.begins_together = any_count(ask.peak.users);
  ask.sockets_per_user = double(*rc::gen::inRange(1, 40)) / 10;
  ask.is_loopback = *rc::gen::arbitrary<bool>();
  ask.sources = any_count(300) + 1;
  ask.targets = *rc::gen::inRange(1, 4);
  if (*rc::gen::inRange(0, 3) == 0) ask.stay = 1s * any_count(5000);
  if (*rc::gen::inRange(0, 3) == 0) ask.workers = any_count(200) + 1;
  return ask;
}

constexpr std::int64_t all = 1'000'000'000'000;
std::int64_t allowed(const Preflight& of) {
  std::int64_t users = all;
  for (const Finding& one : of.findings)
    if (!one.is_a_second && one.limit != Limit::backlog) users = std::min(users, one.users);
  return users;
}

TEST(PreflightLaws, more_of_a_resource_never_allows_fewer_users) {
  using More = std::function<void(HostFacts&, PreflightAsk&, std::int64_t)>;
  const auto raise = [](Number HostFacts::* limit) -> More {
    return [limit](HostFacts& host, PreflightAsk&, std::int64_t more) {
      if (host.*limit) host.*limit = more % 7 == 0 ? Number() : Number(*(host.*limit) + more);
    };
  };
  const More each[] = {
      raise(&HostFacts::descriptors),
      raise(&HostFacts::files_max),
      raise(&HostFacts::ports),
      raise(&HostFacts::tracked_max),
      raise(&HostFacts::memory_bytes),
      raise(&HostFacts::tcp_pages),
      raise(&HostFacts::tasks),
      [](HostFacts& host, PreflightAsk&, std::int64_t more) {
        host.cores += double(more % 50) / 10;
      },
      [](HostFacts&, PreflightAsk& ask, std::int64_t more) { ask.sources += more; }};
  EXPECT_TRUE(rc::check([&] {
    HostFacts host = any_host();
    PreflightAsk ask = any_ask();
    const Preflight before = preflight(ask, host);
    each[std::size_t(*rc::gen::inRange(0, int(std::size(each))))](host, ask, any_count(1'000'000));
    const Preflight after = preflight(ask, host);
    RC_ASSERT(allowed(after) >= allowed(before));
    RC_ASSERT(after.is_possible() || !before.is_possible());
  }));
}

TEST(PreflightLaws, workers_have_all_users_among_them_and_none_is_over_its_descriptors) {
  EXPECT_TRUE(rc::check([] {
    const HostFacts host = any_host();
    const PreflightAsk ask = any_ask();
    const Preflight got = preflight(ask, host);
    RC_ASSERT(got.workers >= 1);
    RC_ASSERT(got.users_per_worker >= 0);
    RC_ASSERT(got.workers <= ask.workers.value_or(got.workers));
    // In closed models that is all of them, in open ones no less.
    std::int64_t sum = 0;
    for (std::int64_t worker = 0; worker < got.workers; ++worker) {
      const auto share = Part{worker, got.workers}.share_of(ask.peak.users);
      RC_ASSERT(share <= got.users_per_worker);
      sum += share;
    }
    RC_ASSERT(sum == ask.peak.users);
    const auto tenths = std::llround(ask.sockets_per_user * 10);
    if (got.is_possible() && host.descriptors)
      RC_ASSERT(got.users_per_worker * tenths <=
                10 * std::max(std::int64_t{0}, *host.descriptors - 200));
  }));
}

// What is allowed is exact: of one more the wall is told, and of so many not.
TEST(PreflightLaws, as_many_as_are_allowed_are_possible) {
  EXPECT_TRUE(rc::check([] {
    const HostFacts host = any_host();
    PreflightAsk ask = any_ask();
    ask.peak.arrivals = 0;
    ask.peak.arrivals_per_second = 0;
    ask.workers.reset();
    const Preflight got = preflight(ask, host);
    if (allowed(got) == all) return;
    RC_ASSERT(allowed(got) < ask.peak.users);
    ask.peak.users = allowed(got);
    RC_ASSERT(allowed(preflight(ask, host)) == all);
    ++ask.peak.users;
    RC_ASSERT(allowed(preflight(ask, host)) == ask.peak.users - 1);
  }));
}

}  // namespace
}  // namespace utakata::load
