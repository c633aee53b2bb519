// For tests: what every Provider promises, as scenarios. A kind of provider derives a ContractWorld
// and instantiates ProviderContract with it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fleet/provider/provider.h"

namespace utakata {

class ContractWorld {
 public:
  virtual ~ContractWorld() = default;
  virtual Provider& provider() = 0;
  virtual LaunchSpec spec(const InstanceId& id) = 0;  // of something that runs until it is stopped
  virtual void restart() = 0;  // the controller dies and comes back: a new Provider object
  virtual void kill(const ProviderNews& launched) = 0;         // from outside
  virtual int starts_of(const InstanceId& id) = 0;             // how often the user's command ran
  virtual bool until(const std::function<bool()>& holds) = 0;  // lets things happen
  virtual std::string why_not() { return {}; }  // what this machine lacks; empty: nothing
  void hear() {
    for (auto& one : provider().hear()) news.push_back(std::move(one));
  }

  std::vector<ProviderNews> news;
};

class ProviderContract
    : public testing::TestWithParam<std::function<std::unique_ptr<ContractWorld>()>> {
 protected:
  using Kind = ProviderNews::Kind;
  std::unique_ptr<ContractWorld> world = GetParam()();
  const InstanceId one{"game-1"}, two{"game-2"};

  int count(Kind kind, const InstanceId& id) const {
    return int(std::ranges::count_if(
        world->news, [&](const ProviderNews& news) { return news.kind == kind && news.id == id; }));
  }
  ProviderNews wait(Kind kind, const InstanceId& id) {
    EXPECT_TRUE(world->until([&] { return count(kind, id) > 0; })) << "no news of " << id.text;
    for (const auto& news : world->news)
      if (news.kind == kind && news.id == id) return news;
    return {};
  }
  void launch(const InstanceId& id) { ASSERT_TRUE(world->provider().launch(id, world->spec(id))); }
  ProviderNews launched(const InstanceId& id) {
    launch(id);
    return wait(Kind::launched, id);
  }
  ProviderNews running(const InstanceId& id) {
    const auto news = launched(id);
    world->provider().release(id, news.handle);
    EXPECT_TRUE(world->until([&] { return world->starts_of(id) == 1; }));
    return news;
  }
  void SetUp() override {
    if (const auto why = world->why_not(); !why.empty()) GTEST_SKIP() << why;
  }
  void TearDown() override {
    for (const auto& id : {one, two}) EXPECT_TRUE(world->provider().stop(id, Duration{0}));
    world->until([] { return true; });
  }
};

// Where the provider has one host only, nothing is told of it.
TEST_P(ProviderContract, runs_where_it_was_told_to_and_says_so) {
  LaunchSpec spec = world->spec(one);
  const std::vector<Host> hosts = world->provider().hosts();
  if (!hosts.empty()) spec.host = hosts.back().name, spec.zone = hosts.back().zone;
  ASSERT_TRUE(world->provider().launch(one, spec));
  const auto news = wait(Kind::launched, one);
  if (hosts.empty() && !news.host.empty()) return;  // its hosts were not heard of in time
  EXPECT_EQ(news.host, spec.host);
  EXPECT_EQ(news.zone, spec.zone);
}

TEST_P(ProviderContract, launched_twice_is_there_once_and_runs_when_released) {
  launch(one);
  launch(one);
  const auto news = wait(Kind::launched, one);
  EXPECT_FALSE(news.handle.empty());
  EXPECT_NE(news.address.port, 0);
  EXPECT_EQ(world->starts_of(one), 0);
  world->provider().release(one, news.handle);
  world->provider().release(one, news.handle);
  EXPECT_TRUE(world->until([&] { return world->starts_of(one) == 1; }));
  launch(one);
  world->kill(news);
  wait(Kind::gone, one);
  EXPECT_EQ(count(Kind::launched, one), 1);
  EXPECT_EQ(world->starts_of(one), 1);
}

TEST_P(ProviderContract, two_instances_share_no_address_and_no_handle) {
  const auto first = running(one), second = running(two);
  EXPECT_NE(first.handle, second.handle);
  EXPECT_NE(first.address, second.address);
}

TEST_P(ProviderContract, stopped_it_is_gone_once_however_often_it_was_asked) {
  running(one);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(world->provider().stop(one, 10s));
  wait(Kind::gone, one);
  EXPECT_TRUE(world->provider().stop(one, 10s));
  running(two);  // by then a second word about the first would have been heard
  EXPECT_EQ(count(Kind::gone, one), 1);
}

TEST_P(ProviderContract, where_another_is_the_recorded_one_it_ends_unrun) {
  const auto news = launched(one);
  world->provider().release(one, "of another");
  EXPECT_EQ(wait(Kind::gone, one).handle, news.handle);
  EXPECT_EQ(world->starts_of(one), 0);
}

TEST_P(ProviderContract, what_was_never_there_is_stopped_and_released_in_silence) {
  world->provider().release(one, "of another");
  world->provider().release(one, "");
  EXPECT_TRUE(world->provider().stop(one, 10s));
  running(two);
  EXPECT_EQ(count(Kind::gone, one) + count(Kind::launched, one), 0);
}

TEST_P(ProviderContract, stopped_before_its_release_it_never_ran) {
  const auto news = launched(one);
  EXPECT_TRUE(world->provider().stop(one, 10s));
  world->provider().release(one, news.handle);
  wait(Kind::gone, one);
  EXPECT_EQ(world->starts_of(one), 0);
}

TEST_P(ProviderContract, a_death_from_outside_is_told_with_a_reason) {
  world->kill(running(one));
  EXPECT_NE(wait(Kind::gone, one).what, "");
}

TEST_P(ProviderContract, adopted_it_is_silent_until_it_dies) {
  const auto news = running(one);
  world->restart();
  world->provider().adopt(one, news.handle, news.address);
  world->provider().adopt(one, news.handle, news.address);
  running(two);
  EXPECT_EQ(count(Kind::gone, one), 0);
  EXPECT_EQ(count(Kind::launched, one), 1) << "only the first life's";
  EXPECT_EQ(world->starts_of(one), 1);
  world->kill(news);
  EXPECT_NE(wait(Kind::gone, one).what, "");
}

TEST_P(ProviderContract, adopted_it_can_be_stopped) {
  const auto news = running(one);
  world->restart();
  world->provider().adopt(one, news.handle, news.address);
  EXPECT_TRUE(world->provider().stop(one, 10s));
  wait(Kind::gone, one);
}

TEST_P(ProviderContract, dead_before_its_adoption_it_is_told_gone) {
  const auto news = running(one);
  world->kill(news);
  wait(Kind::gone, one);
  world->restart();
  world->news.clear();
  world->provider().adopt(one, news.handle, news.address);
  wait(Kind::gone, one);
}

TEST_P(ProviderContract, adopted_without_a_handle_it_is_searched_for_and_found) {
  const auto before = running(one);
  world->restart();
  world->news.clear();
  world->provider().adopt(one, "", {});
  const auto news = wait(Kind::launched, one);
  EXPECT_EQ(news.handle, before.handle);
  EXPECT_EQ(news.address, before.address);
}

TEST_P(ProviderContract, what_was_launched_while_nobody_listened_is_told_again_when_adopted) {
  const auto before = launched(one);
  world->news.clear();
  world->provider().adopt(one, "", {});
  const auto news = wait(Kind::launched, one);
  EXPECT_EQ(news.handle, before.handle);
  EXPECT_EQ(news.address, before.address);
  world->provider().release(one, news.handle);
  EXPECT_TRUE(world->until([&] { return world->starts_of(one) == 1; }));
}

TEST_P(ProviderContract, adopted_but_never_started_it_is_told_gone) {
  world->provider().adopt(one, "", {});
  EXPECT_EQ(wait(Kind::gone, one).what, "was never started");
}

TEST_P(ProviderContract, a_crash_before_the_release_leaves_nothing_that_ran) {
  const auto news = launched(one);
  world->restart();
  world->provider().adopt(one, news.handle, news.address);
  wait(Kind::gone, one);
  EXPECT_EQ(world->starts_of(one), 0);
}

}  // namespace utakata
