#include "fleet/provider/docker/docker_provider.h"

#include <gtest/gtest.h>

#include "fleet/provider/docker/docker_world.h"
#include "fleet/provider/docker/fake_engine.h"
#include "fleet/provider/docker/log_frames.h"
#include "fleet/provider/docker/pack/pack.h"

namespace utakata {
namespace {

using Kind = ProviderNews::Kind;

class Docker : public testing::Test {
 protected:
  FakeEngine engine;
  DockerWorld world{engine.socket()};

  int asked(const std::string& line) {
    const std::lock_guard lock(engine.mutex);
    return int(std::ranges::count_if(engine.asked,
                                     [&](const auto& one) { return one.starts_with(line); }));
  }
  bool lists_go_on() {  // two more lists were answered
    const int before = asked("GET /containers/json");
    return world.until([&] { return asked("GET /containers/json") > before + 1; });
  }
};

TEST_F(Docker, is_told_what_to_run_where_and_within_which_limits) {
  auto spec = world.spec("exec serve --port ${port}");
  spec.env = {{"WHERE", "${host}:${port}"}};
  spec.limits = {.memory = 64 << 20, .files = 1000, .cpus = 0.1};
  spec.labels = {{"team", "games"}, {"utakata.stack", "another"}};
  const auto told = world.run("game-1", spec);
  EXPECT_EQ(told.handle, "docker c1");
  ASSERT_TRUE(world.until([&] { return asked("POST /containers/c1/start") == 1; }));
  const std::lock_guard lock(engine.mutex);
  const auto port = std::to_string(told.address.port);
  const auto& order = engine.containers["c1"].order;
  EXPECT_EQ(order["Cmd"], FakeEngine::Json({"exec serve --port " + port}));
  EXPECT_EQ(order["Env"],
            FakeEngine::Json({"UTAKATA_FLEET=" + world.options.fleet_id, "UTAKATA_INSTANCE=game-1",
                              "PORT=" + port, "WHERE=127.0.0.1:" + port}));
  EXPECT_EQ(order["Labels"]["utakata.stack"], "show");
  EXPECT_EQ(order["Labels"]["utakata.instance"], "game-1");
  EXPECT_EQ(order["HostConfig"]["NetworkMode"], "host");
  EXPECT_EQ(order["HostConfig"]["Memory"], 64 << 20);
  EXPECT_EQ(order["HostConfig"]["MemorySwap"], 64 << 20);
  EXPECT_EQ(order["HostConfig"]["Ulimits"][0]["Hard"], 1000);
  EXPECT_EQ(order["HostConfig"]["NanoCpus"], 100'000'000);
  EXPECT_EQ(order["Labels"]["team"], "games");
}

TEST_F(Docker, its_port_is_published_where_it_has_a_network_of_its_own) {
  world.options.publishes = true;
  world.start();
  const auto told = world.run("game-1", world.spec("serve"));
  const std::lock_guard lock(engine.mutex);
  const auto port = std::to_string(told.address.port);
  const auto& order = engine.containers["c1"].order;
  EXPECT_EQ(order["HostConfig"]["NetworkMode"], "bridge");
  EXPECT_EQ(order["HostConfig"]["PortBindings"][port + "/tcp"][0]["HostPort"], port);
  EXPECT_TRUE(order["ExposedPorts"].contains(port + "/tcp"));
}

TEST_F(Docker, a_death_is_told_by_the_feed_with_its_last_words) {
  world.options.list_every = 1h;
  world.start();
  world.run("game-1", world.spec("serve"));
  ASSERT_TRUE(world.until([&] { return asked("POST /containers/c1/start") == 1; }));
  {
    const std::lock_guard lock(engine.mutex);
    engine.containers["c1"].log =
        FakeEngine::frame("listening\n") + FakeEngine::frame("Error: no database\n");
  }
  engine.die("c1", 3);
  EXPECT_EQ(world.wait(Kind::gone, "game-1").what, "exit code 3; it said: Error: no database");
  EXPECT_EQ(world.log_of("game-1"), "listening\nError: no database\n");
  EXPECT_TRUE(world.until([&] { return asked("DELETE /containers/c1") == 1; }));
}

TEST_F(Docker, an_image_that_is_not_there_is_named_with_the_remedy) {
  auto spec = world.spec("serve");
  spec.image = "chat:7";
  ASSERT_TRUE(world.provider->launch({"game-1"}, spec));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_EQ(failed.what,
            "docker: there is no image chat:7 on this host: build it, or fetch it by `docker pull "
            "chat:7`");
  EXPECT_FALSE(failed.retry);
}

// An app's folder, packed when the Engine turns out not to have it.
class DockerPacking : public Docker {
 protected:
  DockerPacking() {
    folder = world.folder + "/app";
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/app.txt") << "one";
  }
  LaunchSpec packed() {
    auto spec = world.spec("exec sleep 100");
    spec.folder = folder;
    const PackSpec pack{folder, spec.run, {}};
    spec.image = packed_image("show", pack, content_of(pack_of(pack).value()).value());
    return spec;
  }
  std::string folder;
};

TEST_F(DockerPacking, an_app_without_an_image_is_packed_once_for_all_of_its_instances) {
  const auto spec = packed();
  for (const char* id : {"game-1", "game-2", "game-3"})
    ASSERT_TRUE(world.provider->launch({id}, spec));
  for (const char* id : {"game-1", "game-2", "game-3"}) world.wait(Kind::launched, id);
  EXPECT_EQ(asked("POST /images/create?fromSrc=-&repo="), 1);
  EXPECT_EQ(std::ranges::count_if(
                world.said, [](const auto& one) { return one.starts_with("packing game: "); }),
            1);
  const std::lock_guard lock(engine.mutex);
  ASSERT_TRUE(engine.images.contains(spec.image));
  EXPECT_GT(engine.images[spec.image], 1'000'000u) << "the C library alone is larger";
  EXPECT_EQ(engine.images[spec.image] % 512, 0u);
  EXPECT_TRUE(std::ranges::any_of(engine.asked, [](const auto& one) {
    return one.find("&changes=WORKDIR%20%2Fapp&") != one.npos;
  }));
}

TEST_F(DockerPacking, elder_images_of_the_same_app_go) {
  const auto before = packed();
  world.run("game-1", before);
  std::ofstream(folder + "/app.txt") << "two";
  const auto after = packed();
  ASSERT_NE(before.image, after.image);
  world.run("game-2", after);
  EXPECT_TRUE(world.until([&] { return asked("DELETE /images/" + before.image) == 1; }));
  EXPECT_EQ(asked("DELETE /images/tiny"), 0);
}

TEST_F(DockerPacking, a_folder_that_has_changed_since_is_not_packed_under_the_old_name) {
  const auto spec = packed();
  std::ofstream(folder + "/app.txt") << "two";
  ASSERT_TRUE(world.provider->launch({"game-1"}, spec));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_TRUE(failed.what.starts_with("docker: the app's folder has changed")) << failed.what;
  EXPECT_EQ(asked("POST /images/create"), 0);
  for (const auto& each : std::filesystem::directory_iterator(world.options.run_folder))
    EXPECT_NE(each.path().extension(), ".packing") << each.path();
}

TEST_F(DockerPacking, an_engine_that_does_not_take_it_is_told_of_in_its_own_words) {
  engine.misbehave([](const std::string& request) {
    return request.starts_with("POST /images/create")
               ? FakeEngine::answer(200, "{\"status\":\"x\"}\r\n{\"error\":\"no space left\"}\r\n")
               : std::string();
  });
  ASSERT_TRUE(world.provider->launch({"game-1"}, packed()));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_TRUE(failed.what.find("no space left") != std::string::npos) << failed.what;
  EXPECT_TRUE(failed.retry);
}

TEST_F(DockerPacking, stopped_while_it_is_packed_it_is_gone_and_a_restart_leaves_nothing) {
  const auto spec = packed();
  ASSERT_TRUE(world.provider->launch({"game-1"}, spec));
  EXPECT_TRUE(world.provider->stop({"game-1"}, Duration{0}));
  EXPECT_EQ(world.wait(Kind::gone, "game-1").what, "stopped before it was started");
  std::ofstream(world.options.run_folder + "/4f5e.packing") << "of a killed life";
  ASSERT_TRUE(world.provider->launch({"game-2"}, packed()));
  world.start();
  EXPECT_FALSE(std::filesystem::exists(world.options.run_folder + "/4f5e.packing"));
}

TEST_F(Docker, who_answers_500_launches_nothing_and_says_why) {
  engine.misbehave([](const std::string& request) {
    return request.starts_with("POST")
               ? FakeEngine::answer(500, R"({"message":"no space left on device"})")
               : std::string();
  });
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_EQ(failed.what, "docker: the Engine answered 500: no space left on device");
  EXPECT_TRUE(failed.retry);
}

TEST_F(Docker, what_cannot_be_started_is_removed_and_gone) {
  engine.misbehave([](const std::string& request) {
    return request.ends_with("/start")
               ? FakeEngine::answer(400, R"({"message":"exec: \"serv\": not found"})")
               : std::string();
  });
  world.run("game-1", world.spec("serv"));
  EXPECT_EQ(world.wait(Kind::gone, "game-1").what,
            "could not be started: docker: the Engine answered 400: exec: \"serv\": not found");
  const std::lock_guard lock(engine.mutex);
  EXPECT_TRUE(engine.containers.empty());
}

// An answer to the creation that was lost: the container is there, and nobody knows it.
TEST_F(Docker, a_launch_whose_answer_was_lost_leaves_nothing) {
  bool is_first = true;
  engine.misbehave([&](const std::string& request) -> std::string {
    if (!request.starts_with("POST /containers/create") || !std::exchange(is_first, false))
      return {};
    engine.containers["lost"].order = {{"Labels", {{"utakata.instance", "game-1"}}}};
    return "HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{\"Id\":\"lo";
  });
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  EXPECT_TRUE(world.wait(Kind::launch_failed, "game-1").retry);
  EXPECT_TRUE(world.until([&] { return asked("DELETE /containers/lost") == 1; }));
  world.run("game-2", world.spec("serve"));
}

// Of several controllers over one store: what this one does not know another one may.
TEST_F(Docker, containers_of_another_controllers_clusters_are_left_alone) {
  bool is_ours = false;
  world.options.is_ours = [&](const std::string& instance) {
    EXPECT_EQ(instance, "game-1");
    return is_ours;
  };
  world.start();
  {
    const std::lock_guard lock(engine.mutex);
    engine.containers["theirs"].order = {{"Labels", {{"utakata.instance", "game-1"}}}};
  }
  ASSERT_TRUE(lists_go_on());
  ASSERT_TRUE(lists_go_on());
  EXPECT_EQ(asked("DELETE /containers/theirs"), 0);
  is_ours = true;  // its cluster was taken over, and no record names it
  EXPECT_TRUE(world.until([&] { return asked("DELETE /containers/theirs") == 1; }));
}

struct Misbehaviour {
  const char* name;
  std::string answer, said;
};
class Misbehaving : public Docker, public testing::WithParamInterface<Misbehaviour> {};

TEST_P(Misbehaving, is_nobodys_death_and_said_once) {
  world.run("game-1", world.spec("serve"));
  ASSERT_TRUE(world.until([&] { return asked("POST /containers/c1/start") == 1; }));
  ASSERT_TRUE(lists_go_on());
  engine.misbehave([](const std::string&) { return GetParam().answer; });
  ASSERT_TRUE(lists_go_on());
  ASSERT_TRUE(lists_go_on());
  engine.misbehave(nullptr);
  ASSERT_TRUE(world.until([&] { return world.was_said("answers again"); }));
  EXPECT_FALSE(world.find(Kind::gone, "game-1"));
  EXPECT_EQ(std::ranges::count_if(
                world.said, [](const auto& one) { return one.find(GetParam().said) != one.npos; }),
            1)
      << world.said.front();
  engine.die("c1", 0);
  EXPECT_EQ(world.wait(Kind::gone, "game-1").what.substr(0, 11), "exit code 0");
}

INSTANTIATE_TEST_SUITE_P(
    Engine, Misbehaving,
    testing::Values(
        Misbehaviour{"500", FakeEngine::answer(500, "oops"), "the Engine answered 500: oops"},
        Misbehaviour{"half_a_JSON", FakeEngine::answer(200, R"([{"Id":"c1","La)"),
                     "answer is not whole JSON"},
        Misbehaviour{"another_JSON", FakeEngine::answer(200, R"({"a":[1]})"), "is not a list"},
        Misbehaviour{"nothing", "-", "cannot be reached"},
        Misbehaviour{"no_HTTP", "hello\r\n\r\n", "not HTTP"}),
    [](const auto& info) { return std::string("answers_") + info.param.name; });

TEST_F(Docker, an_engine_that_was_away_has_its_deaths_told_when_it_is_back) {
  world.run("game-1", world.spec("serve"));
  world.run("game-2", world.spec("serve"));
  ASSERT_TRUE(world.until([&] { return asked("POST /containers/c2/start") == 1; }));
  ASSERT_TRUE(lists_go_on());
  engine.close_all();
  ASSERT_TRUE(world.until([&] { return world.was_said("cannot be reached"); }));
  EXPECT_TRUE(world.provider->stop({"game-2"}, Duration{0}));
  engine.containers["c1"].state = "exited";
  engine.listen();
  world.wait(Kind::gone, "game-1");
  EXPECT_TRUE(world.until([&] { return asked("POST /containers/c2/kill?signal=SIGKILL") > 0; }))
      << "asked again, since the first order was lost";
  EXPECT_FALSE(world.find(Kind::gone, "game-2")) << "nobody has seen it die";
}

TEST(DockerAway, no_socket_then_said_with_the_remedy) {
  DockerWorld world{"/nowhere/docker.sock"};
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_TRUE(failed.what.starts_with("docker: there is no socket /nowhere/docker.sock: install"))
      << failed.what;
  EXPECT_TRUE(failed.retry);
}

TEST(DockerAway, nobody_at_that_address_then_said_with_the_remedy) {
  DockerWorld world{EngineAddress{.host = "127.0.0.1:1"}};
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_TRUE(failed.what.starts_with(
      "docker: the Engine at tcp://127.0.0.1:1 cannot be reached (http://127.0.0.1:1: "))
      << failed.what;
  EXPECT_TRUE(failed.what.ends_with("is `host` right, and does it listen there?")) << failed.what;
  EXPECT_TRUE(failed.retry);
}

TEST(DockerAway, no_rights_then_said_with_the_remedy) {
  FakeEngine engine;
  chmod(engine.socket().c_str(), getuid() == 0 ? 0600 : 0);
  DockerWorld world{engine.socket()};
  ASSERT_EQ(seteuid(getuid() == 0 ? 65534 : getuid()), 0);
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  ASSERT_EQ(seteuid(getuid()), 0);
  EXPECT_TRUE(failed.what.starts_with("docker: this user may not use " + engine.socket()))
      << failed.what;
}

TEST(LogFrames, the_same_text_in_any_chopping) {
  const auto bytes = FakeEngine::frame("one\n") + FakeEngine::frame("") + FakeEngine::frame("two");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    LogFrames frames;
    std::string text;
    for (std::size_t from = 0; from < bytes.size(); from += step)
      EXPECT_TRUE(frames.feed(std::string_view(bytes).substr(from, step), text));
    EXPECT_EQ(text, "one\ntwo");
    EXPECT_EQ(frames.last_time(), "2026-11-23T08:27:49.605576259Z");
  }
}

TEST(LogFrames, what_is_none_is_refused) {
  LogFrames frames;
  std::string text;
  EXPECT_FALSE(frames.feed("plain text of a terminal", text));
  EXPECT_FALSE(frames.feed(FakeEngine::frame("late\n"), text));
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace utakata
