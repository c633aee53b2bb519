#include "fleet/provider/fake.h"

#include <gtest/gtest.h>

#include "fleet/provider/contract.h"

namespace utakata {
namespace {

class FakeWorld final : public ContractWorld {
 public:
  FakeWorld() { restart(); }
  Provider& provider() override { return *provider_; }
  LaunchSpec spec(const InstanceId&) override { return {}; }
  void restart() override {
    provider_.reset();
    provider_ = std::make_unique<FakeProvider>(host_);
    provider_->on_news([this] { hear(); });
  }
  void kill(const ProviderNews& launched) override { host_.die(launched.id); }
  int starts_of(const InstanceId& id) override {
    const auto there = host_.starts.find(id);
    return there == host_.starts.end() ? 0 : there->second;
  }
  bool until(const std::function<bool()>& holds) override {
    host_.turn();
    return holds();
  }

 private:
  FakeHost host_;
  std::unique_ptr<FakeProvider> provider_;
};

INSTANTIATE_TEST_SUITE_P(Fake, ProviderContract, testing::Values([] {
                           return std::unique_ptr<ContractWorld>(std::make_unique<FakeWorld>());
                         }));

struct Orders : testing::Test {
  FakeHost host;
  FakeProvider provider{host};
};

TEST_F(Orders, are_logged_in_their_order) {
  ASSERT_TRUE(provider.launch({"game-1"}, {}));
  provider.release({"game-1"}, host.guests().at({"game-1"}).handle);
  ASSERT_TRUE(provider.stop({"game-1"}, 10s));
  provider.adopt({"game-2"}, "", {});
  EXPECT_EQ(provider.calls(), (std::vector<std::string>{"launch game-1", "release game-1",
                                                        "stop game-1 10s", "adopt game-2"}));
}

TEST_F(Orders, told_to_fail_the_second_only_the_second_fails_and_does_nothing) {
  provider.fail_at(2);
  EXPECT_TRUE(provider.launch({"game-1"}, {}));
  EXPECT_FALSE(provider.has_failed());
  const auto refused = provider.launch({"game-2"}, {});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().retry);
  EXPECT_TRUE(provider.has_failed());
  EXPECT_TRUE(provider.launch({"game-3"}, {}));
  EXPECT_EQ(host.guests().size(), 2u);
}

TEST_F(Orders, scripted_the_host_answers_when_the_test_says) {
  int woken = 0;
  provider.on_news([&] { ++woken; });
  host.launches_by_itself = host.stops_by_itself = false;
  ASSERT_TRUE(provider.launch({"game-1"}, {}));
  ASSERT_TRUE(provider.launch({"game-2"}, {}));
  EXPECT_TRUE(provider.hear().empty());
  host.start({"game-1"});
  host.refuse({"game-2"}, "no free port", true);
  EXPECT_EQ(woken, 2);
  const auto news = provider.hear();
  ASSERT_EQ(news.size(), 2u);
  EXPECT_EQ(news[0].kind, ProviderNews::Kind::launched);
  EXPECT_EQ(news[1].kind, ProviderNews::Kind::launch_failed);
  EXPECT_TRUE(news[1].retry);
  provider.release({"game-1"}, host.guests().at({"game-1"}).handle);
  ASSERT_TRUE(provider.stop({"game-1"}, 10s));
  EXPECT_TRUE(host.runs({"game-1"}));
  host.die({"game-1"}, "exit code 0");
  EXPECT_EQ(provider.hear().at(0).what, "exit code 0");
}

TEST_F(Orders, launched_on_the_host_that_is_named_and_lost_with_it) {
  host.hosts = {{.name = "worker-1", .zone = "a"}, {.name = "worker-2", .zone = "b"}};
  ASSERT_TRUE(provider.launch({"game-1"}, {.host = "worker-2", .zone = "b"}));
  ASSERT_TRUE(provider.launch({"game-2"}, {}));
  EXPECT_FALSE(provider.launch({"game-3"}, {.host = "worker-2", .zone = "a"}));
  auto news = provider.hear();
  ASSERT_EQ(news.size(), 2u);
  EXPECT_EQ(news[0].host + news[0].zone, "worker-2b");
  EXPECT_EQ(news[1].host + news[1].zone, "worker-1a");
  host.lose("worker-2");
  EXPECT_FALSE(provider.hosts()[1].is_up);
  news = provider.hear();
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(news[0].id.text + ": " + news[0].what, "game-1: its host is lost");
  EXPECT_FALSE(provider.launch({"game-4"}, {.host = "worker-2", .zone = "b"}));
  host.come_back("worker-2");
  EXPECT_TRUE(provider.launch({"game-4"}, {.host = "worker-2", .zone = "b"}));
}

}  // namespace
}  // namespace utakata
