// What is told of a list, a command and a URL; on a real loop, with real commands.
#include "fleet/provider/observe/observe_provider.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "net/http_server.h"

namespace utakata {
namespace {

using Kind = ProviderNews::Kind;

class World {
 public:
  World() {
    stack.folder = std::filesystem::temp_directory_path();
    stack.provider = ProviderKind::observe;
    ClusterSpec game;
    game.name = "game";
    stack.clusters.push_back(game);
  }
  ObserveSpec& observe() { return stack.clusters[0].observe; }
  void start() {
    provider.reset();
    provider = std::make_unique<ObserveProvider>(
        loop, client,
        ObserveOptions{.stack = [this]() -> const Stack& { return stack; },
                       .every = 20ms,
                       .deadline = deadline,
                       .say = [this](const std::string& what) { said.push_back(what); }});
    provider->on_news([this] {
      for (const ProviderNews& one : provider->hear()) {
        EXPECT_TRUE(one.id.text.empty());
        heard.push_back(fmt::format("{} {} {} {}:{}", one.kind == Kind::found ? "found" : "gone",
                                    one.cluster, one.handle, one.address.host, one.address.port));
      }
    });
  }
  bool until(const std::function<bool()>& holds) {
    const Instant end = loop.now() + 10s;
    bool held = false;
    const auto timer = loop.every(2ms, [&] {
      held = holds();
      if (held || loop.now() > end) loop.stop();
    });
    loop.run();
    loop.cancel(timer);
    return held;
  }
  void turns(int n) {
    loop.after(n * 20ms + 10ms, [this] { loop.stop(); });
    loop.run();
  }

  net::Loop loop;
  net::HttpClient client{loop};
  Stack stack;
  Duration deadline{5s};
  std::unique_ptr<ObserveProvider> provider;
  std::vector<std::string> heard, said;
};

using Words = std::vector<std::string>;

TEST(ObserveProvider, what_is_listed_is_found_once_and_gone_when_it_is_not_listed_any_more) {
  World world;
  world.observe().list = {"127.0.0.1:3000", "127.0.0.1:3001"};
  world.start();
  EXPECT_TRUE(world.until([&] { return world.heard.size() == 2; }));
  world.turns(5);
  EXPECT_EQ(world.heard, (Words{"found game 127.0.0.1:3000 127.0.0.1:3000",
                                "found game 127.0.0.1:3001 127.0.0.1:3001"}));
  world.observe().list = {"127.0.0.1:3001"};
  EXPECT_TRUE(world.until([&] { return world.heard.size() == 3; }));
  EXPECT_EQ(world.heard.back(), "gone game 127.0.0.1:3000 :0");
  world.stack.clusters.clear();
  EXPECT_TRUE(world.until([&] { return world.heard.size() == 4; }));
  EXPECT_EQ(world.heard.back(), "gone game 127.0.0.1:3001 :0");
}

TEST(ObserveProvider, nothing_is_launched_or_stopped_and_that_is_said) {
  World world;
  world.start();
  const auto launched = world.provider->launch({"game-1"}, {});
  const auto stopped = world.provider->stop({"game-1"}, 10s);
  ASSERT_FALSE(launched || stopped);
  EXPECT_EQ(launched.error().kind, Problem::Kind::refused);
  EXPECT_FALSE(launched.error().retry);
  EXPECT_NE(launched.error().what.find("game-1 cannot be launched"), std::string::npos);
  EXPECT_NE(stopped.error().what.find("game-1 cannot be stopped"), std::string::npos);
}

TEST(ObserveProvider, adopted_it_is_silent_until_it_is_not_listed) {
  World world;
  world.observe().list = {"127.0.0.1:3000"};
  world.start();
  world.provider->adopt({"game-7"}, "127.0.0.1:3000", {"127.0.0.1", 3000});
  world.provider->adopt({"game-8"}, "127.0.0.1:3001", {"127.0.0.1", 3001});
  world.turns(5);
  EXPECT_EQ(world.heard, Words{"gone game 127.0.0.1:3001 :0"});
}

TEST(ObserveProvider, a_command_is_asked_and_its_failures_change_nothing) {
  World world;
  const std::string file = fmt::format("{}/utakata-observe-{}", world.stack.folder, getpid());
  const auto print = [&](const std::string& text) { std::ofstream(file) << text; };
  print(R"([{"host": "127.0.0.1", "port": 3000, "id": "a"}])");
  world.observe().command = "cat " + file;
  world.start();
  EXPECT_TRUE(world.until([&] { return world.heard.size() == 1; }));
  EXPECT_EQ(world.heard.back(), "found game a 127.0.0.1:3000");
  for (const char* bad : {"", "[{", "oops"}) {
    print(bad);
    world.turns(4);
  }
  world.observe().command = "echo first >&2; echo no such host >&2; exit 3";
  world.turns(4);
  EXPECT_EQ(world.heard.size(), 1u) << "an unreadable list is not an empty one";
  EXPECT_EQ(world.said.size(), 1u) << "once, however long it lasts";
  EXPECT_EQ(world.said[0].substr(0, 56),
            "game: its instances cannot be listed: not a JSON list su");
  world.observe().command = "cat " + file;
  print(R"([{"host": "127.0.0.1", "port": 3009, "id": "a"}])");
  EXPECT_TRUE(world.until([&] { return world.heard.size() == 3; }));
  EXPECT_EQ(world.said.back(), "game: its instances can be listed again");
  EXPECT_EQ(world.heard[1], "gone game a :0") << "at another address it is another one";
  EXPECT_EQ(world.heard[2], "found game a 127.0.0.1:3009");
  print("[]");
  EXPECT_TRUE(world.until([&] { return world.heard.size() == 4; }));
  std::filesystem::remove(file);
}

TEST(ObserveProvider, a_command_says_why_it_failed) {
  World world;
  world.observe().command = "echo first >&2; echo no such host >&2; exit 3";
  world.start();
  EXPECT_TRUE(world.until([&] { return !world.said.empty(); }));
  EXPECT_NE(world.said[0].find("ended with exit code 3; it said: no such host"), std::string::npos)
      << world.said[0];
}

TEST(ObserveProvider, a_command_that_hangs_does_not_hold_the_loop_and_is_ended) {
  World world;
  world.deadline = 50ms;
  world.observe().command = "sleep 1000 & sleep 1000; echo";
  world.start();
  int turns = 0;
  const auto timer = world.loop.every(5ms, [&] { ++turns; });
  EXPECT_TRUE(world.until([&] { return !world.said.empty(); }));
  world.loop.cancel(timer);
  EXPECT_GE(turns, 3);
  EXPECT_NE(world.said[0].find("did not end within 50ms"), std::string::npos) << world.said[0];
  EXPECT_TRUE(world.heard.empty());
}

TEST(ObserveProvider, a_command_that_prints_without_end_is_refused) {
  World world;
  world.observe().command = "head -c 3000000 /dev/zero";
  world.start();
  EXPECT_TRUE(world.until([&] { return !world.said.empty(); }));
  EXPECT_NE(world.said[0].find("printed more than 1 MB"), std::string::npos) << world.said[0];
}

TEST(ObserveProvider, a_url_is_asked) {
  World world;
  int status = 200;
  net::HttpServer server(world.loop, [&](const net::HttpRequest&, net::HttpReply reply) {
    reply.send({.status = status, .body = R"(["127.0.0.1:3000"])"});
  });
  const auto port = server.listen("127.0.0.1", 0);
  ASSERT_TRUE(port);
  world.observe().url = fmt::format("http://127.0.0.1:{}/instances", *port);
  world.start();
  EXPECT_TRUE(world.until([&] { return world.heard.size() == 1; }));
  status = 500;
  EXPECT_TRUE(world.until([&] { return world.said.size() == 1; }));
  EXPECT_NE(world.said[0].find("`observe.url` answered 500"), std::string::npos);
  status = 200;
  EXPECT_TRUE(world.until([&] { return world.said.size() == 2; }));
  EXPECT_EQ(world.heard, Words{"found game 127.0.0.1:3000 127.0.0.1:3000"});
}

TEST(ObserveProvider, it_may_go_while_it_asks) {
  World world;
  world.observe().command = "sleep 1000";
  world.start();
  world.turns(1);
  world.provider.reset();
  world.turns(2);
  EXPECT_TRUE(world.heard.empty() && world.said.empty());
}

}  // namespace
}  // namespace utakata
