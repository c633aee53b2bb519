// What a Swarm answers, and does not: replayed over a unix socket. What a real one does is in
// contract_test.cc.
#include "fleet/provider/swarm/swarm_provider.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "fleet/provider/docker/fake_engine.h"
#include "fleet/provider/swarm/swarm_order.h"
#include "fleet/provider/swarm/swarm_words.h"
#include "fleet/provider/swarm/swarm_world.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

// A manager of two hosts, by the shapes that the real one's answers have.
class FakeSwarm {
 public:
  struct Service {
    Json spec;
    int version = 1;
    std::string state = "running", error{}, desired = "running";
    int exit_code = 0;
  };

  FakeSwarm() {
    engine.misbehave([this](const std::string& request) { return answer(request); });
  }

  // Under the engine's lock.
  std::string answer(const std::string& request) {
    if (odd) {
      if (auto text = odd(request); !text.empty()) return text;
    }
    const auto is = [&](const char* begin) { return request.starts_with(begin); };
    const auto json = [](const Json& body) { return FakeEngine::answer(200, body.dump()); };
    if (is("GET /info"))
      return json({{"Swarm", {{"NodeID", "n1"}, {"ControlAvailable", is_manager}}}});
    if (is("GET /nodes")) return json(nodes);
    if (is("GET /services?")) return json(listed());
    if (is("GET /tasks")) return json(tasks());
    if (is("GET /services/") && request.find("/logs") != request.npos) return "-";
    if (is("GET /secrets") || is("GET /configs")) return json(Json::array());
    if (is("GET /events")) return {};  // the engine's own feed, of which nothing comes
    if (is("POST /services/create")) {
      const auto id = "s" + std::to_string(services.size() + 1);
      services[id].spec = Json::parse(engine.body_now);
      return FakeEngine::answer(201, Json{{"ID", id}}.dump());
    }
    const auto id = word(request, 2);
    const auto found = services.find(id);
    if (found == services.end()) return FakeEngine::answer(404, R"({"message":"not found"})");
    if (is("DELETE")) {
      services.erase(found);
      return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    }
    if (is("POST")) return updated(found->second, request);
    return json(one(id, found->second));
  }

  static Json node(const std::string& id, const std::string& name) {
    return {{"ID", id},
            {"Spec", {{"Labels", {{"zone", "z-" + id}}}, {"Availability", "active"}}},
            {"Description", {{"Hostname", name}}},
            {"Status", {{"State", "ready"}, {"Addr", "10.0.0." + id.substr(1)}}}};
  }

  FakeEngine engine;
  std::map<std::string, Service> services;
  Json nodes = {node("n2", "web-2"), node("n1", "web-1")};
  bool is_manager = true;
  std::function<std::string(const std::string&)> odd;

 private:
  static std::string word(const std::string& request, int number) {
    std::string path = request.substr(request.find('/'));
    path = path.substr(0, path.find('?'));
    for (; number > 0; --number) path = path.substr(path.find('/') + 1);
    return path.substr(0, path.find('/'));
  }
  static Json one(const std::string& id, const Service& service) {
    return {{"ID", id}, {"Version", {{"Index", service.version}}}, {"Spec", service.spec}};
  }
  Json listed() const {
    Json all = Json::array();
    for (const auto& [id, service] : services) all.push_back(one(id, service));
    return all;
  }
  Json tasks() const {
    Json all = Json::array();
    for (const auto& [id, service] : services)
      if (service.spec["Mode"]["Replicated"]["Replicas"] == 1)
        all.push_back(
            {{"ID", "t" + id},
             {"ServiceID", id},
             {"NodeID", "n1"},
             {"CreatedAt", "2026-11-23T13:48:50Z"},
             {"DesiredState", service.desired},
             {"Status",
              {{"State", service.state},
               {"Err", service.error},
               {"ContainerStatus", {{"ContainerID", ""}, {"ExitCode", service.exit_code}}}}}});
    return all;
  }
  // As the real one: only of the version that was read last.
  static std::string updated(Service& service, const std::string& request) {
    int version = 0;
    const auto at = request.find("version=") + 8;
    std::from_chars(request.data() + at, request.data() + request.size(), version);
    if (version != service.version)
      return FakeEngine::answer(
          500, R"({"message":"rpc error: code = Unknown desc = update out of sequence"})");
    ++service.version;
    service.spec["Mode"]["Replicated"]["Replicas"] = 1;
    return FakeEngine::answer(200, R"({"Warnings":null})");
  }
};

using Kind = ProviderNews::Kind;

class Swarm : public testing::Test {
 protected:
  FakeSwarm fake;
  SwarmWorld world{fake.engine.socket()};

  void change(const std::function<void()>& what) {
    const std::lock_guard lock(fake.engine.mutex);
    what();
  }
  int asked(const std::string& line) {
    const std::lock_guard lock(fake.engine.mutex);
    return int(std::ranges::count_if(fake.engine.asked,
                                     [&](const auto& one) { return one.starts_with(line); }));
  }
  bool lists_go_on() {  // two more were asked for
    const int before = asked("GET /nodes");
    return world.until([&] { return asked("GET /nodes") > before + 1; });
  }
  bool is_running(const std::string& service) {
    return world.until([&] {
      const std::lock_guard lock(fake.engine.mutex);
      return fake.services[service].version == 2;
    });
  }
};

TEST_F(Swarm, one_service_of_one_replica_bound_to_one_host) {
  auto spec = world.spec("exec serve --port ${port}");
  spec.env = {{"WHERE", "${host}:${port}"}};
  spec.limits = {.memory = 64 << 20, .files = 1000, .cpus = 0.1};
  spec.labels = {{"team", "games"}, {"utakata.stack", "another"}};
  spec.host = "web-2";
  const auto told = world.run("game-1", spec);
  EXPECT_EQ(told.handle, "swarm s1");
  EXPECT_EQ(told.address.host, "10.0.0.2");
  EXPECT_EQ(told.host, "web-2");
  EXPECT_EQ(told.zone, "z-n2");
  ASSERT_TRUE(is_running("s1"));
  const std::lock_guard lock(fake.engine.mutex);
  const auto port = std::to_string(told.address.port);
  const auto& order = fake.services["s1"].spec;
  const auto& task = order["TaskTemplate"];
  EXPECT_EQ(task["ContainerSpec"]["Args"], Json({"exec serve --port " + port}));
  EXPECT_EQ(task["ContainerSpec"]["Env"],
            Json({"UTAKATA_FLEET=" + world.options.fleet_id, "UTAKATA_INSTANCE=game-1",
                  "PORT=" + port, "HOST=0.0.0.0", "WHERE=10.0.0.2:" + port}));
  EXPECT_EQ(task["ContainerSpec"]["StopGracePeriod"], 1'000'000'000);
  EXPECT_EQ(task["Placement"]["Constraints"], Json({"node.id==n2"}));
  EXPECT_EQ(task["RestartPolicy"]["Condition"], "none");
  EXPECT_EQ(task["Resources"]["Limits"]["NanoCPUs"], 100'000'000);
  EXPECT_EQ(task["Networks"][0]["Target"], "host");
  EXPECT_EQ(order["EndpointSpec"]["Ports"][0]["PublishMode"], "host");
  EXPECT_EQ(order["Labels"]["utakata.stack"], "show");
  EXPECT_EQ(order["Labels"]["team"], "games");
}

TEST_F(Swarm, without_a_host_named_it_is_the_emptiest_and_hosts_are_told_in_order) {
  std::set<std::string> seen;
  for (const char* id : {"game-1", "game-2"}) seen.insert(world.run(id, world.spec("serve")).host);
  EXPECT_EQ(seen, (std::set<std::string>{"web-1", "web-2"}));
  const auto hosts = world.provider->hosts();
  ASSERT_EQ(hosts.size(), 2u);
  EXPECT_EQ(hosts[0], (Host{.name = "web-1", .zone = "z-n1"}));
  EXPECT_EQ(hosts[1].name, "web-2");
}

TEST_F(Swarm, drained_hosts_take_nothing_and_a_launch_there_says_so) {
  change([&] { fake.nodes[0]["Spec"]["Availability"] = "drain"; });
  ASSERT_TRUE(lists_go_on());
  EXPECT_FALSE(world.provider->hosts()[1].is_open);
  EXPECT_TRUE(world.provider->hosts()[1].is_up);
  auto spec = world.spec("serve");
  spec.host = "web-2";
  ASSERT_TRUE(world.provider->launch({"game-1"}, spec));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_TRUE(failed.what.starts_with("swarm: host web-2 takes no instances now")) << failed.what;
  EXPECT_TRUE(failed.retry);
}

TEST_F(Swarm, on_a_lost_host_it_is_gone_and_its_service_removed) {
  auto spec = world.spec("serve");
  spec.host = "web-1";
  world.run("game-1", spec);
  ASSERT_TRUE(is_running("s1"));
  ASSERT_TRUE(lists_go_on());
  change([&] { fake.nodes[1]["Status"]["State"] = "down"; });
  const ProviderNews gone = world.wait(Kind::gone, "game-1");
  EXPECT_EQ(gone.what, "its host web-1 is lost");
  EXPECT_EQ(gone.host, "web-1") << "its launch may not have been told yet";
  EXPECT_FALSE(world.provider->hosts()[0].is_up);
  EXPECT_TRUE(world.until([&] { return asked("DELETE /services/s1") > 0; }));
}

TEST_F(Swarm, a_manager_that_has_just_begun_knows_of_no_host_and_nobody_dies_of_that) {
  world.run("game-1", world.spec("serve"));
  ASSERT_TRUE(is_running("s1"));
  change([&] {
    for (auto& node : fake.nodes) node["Status"]["State"] = "unknown";
  });
  ASSERT_TRUE(lists_go_on());
  ASSERT_TRUE(lists_go_on());
  EXPECT_FALSE(world.find(Kind::gone, "game-1"));
  EXPECT_FALSE(world.provider->hosts()[0].is_open);
}

TEST_F(Swarm, a_change_by_another_between_reading_and_writing_is_read_again) {
  bool is_first = true;
  change([&] {
    fake.odd = [&](const std::string& request) -> std::string {
      if (request.find("/update?") != request.npos && std::exchange(is_first, false))
        ++fake.services["s1"].version;
      return {};
    };
  });
  world.run("game-1", world.spec("serve"));
  EXPECT_TRUE(world.until([&] {
    const std::lock_guard lock(fake.engine.mutex);
    return fake.services["s1"].spec["Mode"]["Replicated"]["Replicas"] == 1;
  }));
  EXPECT_EQ(asked("POST /services/s1/update"), 2);
}

TEST_F(Swarm, an_image_that_is_not_there_is_named_with_its_host) {
  auto spec = world.spec("serve");
  spec.image = "chat:7";
  spec.host = "web-1";
  world.run("game-1", spec);
  ASSERT_TRUE(is_running("s1"));
  change([&] {
    fake.services["s1"].state = "rejected", fake.services["s1"].error = "No such image: chat:7";
  });
  const auto gone = world.wait(Kind::gone, "game-1").what;
  EXPECT_TRUE(gone.starts_with("there is no image chat:7 on host web-1: ")) << gone;
}

TEST_F(Swarm, where_there_is_no_place_for_it_it_is_given_up_with_the_swarms_words) {
  world.options.place_patience = 100ms;
  world.start();
  world.run("game-1", world.spec("serve"));
  ASSERT_TRUE(is_running("s1"));
  change([&] {
    fake.services["s1"].state = "pending";
    fake.services["s1"].error = "no suitable node (host-mode port already in use on 1 node)";
  });
  const auto gone = world.wait(Kind::gone, "game-1").what;
  EXPECT_NE(gone.find("no place for it on host web-1: no suitable node"), gone.npos) << gone;
}

TEST_F(Swarm, services_of_another_controllers_clusters_are_left_alone) {
  bool is_ours = false;
  world.options.is_ours = [&](const std::string&) { return is_ours; };
  world.start();
  change([&] {
    fake.services["theirs"].spec = {{"Labels", {{"utakata.instance", "game-1"}}},
                                    {"Mode", {{"Replicated", {{"Replicas", 1}}}}}};
  });
  ASSERT_TRUE(lists_go_on());
  ASSERT_TRUE(world.until([&] { return asked("GET /services?") > 2; }));
  EXPECT_EQ(asked("DELETE /services/theirs"), 0);
  is_ours = true;  // its cluster was taken over, and no record names it
  EXPECT_TRUE(world.until([&] { return asked("DELETE /services/theirs") == 1; }));
  EXPECT_TRUE(world.was_said("removed game-1 (service theirs)"));
}

TEST_F(Swarm, an_engine_that_is_no_manager_is_told_of_with_the_remedy) {
  change([&] { fake.is_manager = false; });
  world.start();
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_NE(failed.what.find("is no manager of a Swarm: name one that is by"), failed.what.npos)
      << failed.what;
  EXPECT_TRUE(failed.retry);
}

TEST(SwarmAway, no_socket_then_said_with_the_remedy) {
  SwarmWorld world{"/nowhere/docker.sock"};
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_TRUE(failed.what.starts_with("docker: there is no socket /nowhere/docker.sock: install"))
      << failed.what;
  EXPECT_TRUE(failed.retry);
}

TEST(SwarmAway, no_rights_then_said_with_the_remedy) {
  FakeSwarm fake;
  chmod(fake.engine.socket().c_str(), getuid() == 0 ? 0600 : 0);
  SwarmWorld world{fake.engine.socket()};
  ASSERT_EQ(seteuid(getuid() == 0 ? 65534 : getuid()), 0);
  ASSERT_TRUE(world.provider->launch({"game-1"}, world.spec("serve")));
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  ASSERT_EQ(seteuid(getuid()), 0);
  EXPECT_TRUE(failed.what.starts_with("docker: this user may not use " + fake.engine.socket()))
      << failed.what;
}

struct Misbehaviour {
  const char* name;
  std::string answer, said;
};
class SwarmMisbehaving : public Swarm, public testing::WithParamInterface<Misbehaviour> {};

TEST_P(SwarmMisbehaving, is_nobodys_death_and_said_once) {
  world.run("game-1", world.spec("serve"));
  ASSERT_TRUE(is_running("s1"));
  ASSERT_TRUE(lists_go_on());
  change([&] { fake.odd = [](const std::string&) { return GetParam().answer; }; });
  ASSERT_TRUE(lists_go_on());
  ASSERT_TRUE(lists_go_on());
  change([&] { fake.odd = nullptr; });
  ASSERT_TRUE(world.until([&] { return world.was_said("answers again"); }));
  EXPECT_FALSE(world.find(Kind::gone, "game-1"));
  EXPECT_TRUE(world.was_said(GetParam().said)) << world.said.front();
  EXPECT_EQ(std::ranges::count_if(
                world.said,
                [](const auto& one) { return one.find("instances that run go on") != one.npos; }),
            1);
  change([&] {
    fake.services["s1"].state = "failed", fake.services["s1"].exit_code = 3,
    fake.services["s1"].error = "task: non-zero exit (3)";
  });
  EXPECT_EQ(world.wait(Kind::gone, "game-1").what, "exit code 3");
}

INSTANTIATE_TEST_SUITE_P(
    Engine, SwarmMisbehaving,
    testing::Values(
        Misbehaviour{"500", FakeEngine::answer(500, "oops"), "the Engine answered 500: oops"},
        Misbehaviour{"half_a_JSON", FakeEngine::answer(200, R"([{"ID":"n1","La)"),
                     "answer is not whole JSON"},
        Misbehaviour{"another_JSON", FakeEngine::answer(200, R"({"a":[1]})"), "is not a list"},
        Misbehaviour{"nothing", "-", "cannot be reached"},
        Misbehaviour{"no_leader",
                     FakeEngine::answer(503, R"({"message":"The swarm does not have a leader."})"),
                     "does not have a leader"}),
    [](const auto& info) { return std::string("answers_") + info.param.name; });

TEST(SwarmWords, whatever_comes_is_no_reason_to_end) {
  for (const Json& odd :
       {Json(), Json(7), Json("x"), Json::array({1, "a", Json::object()}),
        Json{{"ID", 5}, {"Spec", 3}}, Json{{"ID", "a"}, {"Spec", {{"Labels", 1}}}}}) {
    EXPECT_LE(swarm_nodes(Json::array({odd}), "a/b~c").size(), 1u);
    EXPECT_EQ(swarm_service(odd).replicas, 0);
    EXPECT_EQ(swarm_task(odd).port, 0);
  }
}

TEST(SwarmWords, hosts_of_one_name_are_told_apart) {
  const auto nodes = swarm_nodes(
      Json::array({FakeSwarm::node("n1aaaaaaaa", "web"), FakeSwarm::node("n2", "web")}), "zone");
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[0].host.name, "web.n1aaaaaa");
  EXPECT_EQ(nodes[1].host.name, "web.n2");
}

TEST(SwarmOrder, secrets_and_configs_are_mounted_where_docker_puts_them) {
  LaunchSpec spec;
  spec.cluster = "game";
  spec.secrets = {"db"};
  spec.configs = {"rules"};
  SwarmOrder order;
  order.secrets = {{{"ID", "s7"}, {"Spec", {{"Name", "db"}}}}};
  order.configs = {{{"ID", "c7"}, {"Spec", {{"Name", "rules"}}}}};
  const auto made = service_order(order, spec);
  ASSERT_TRUE(made);
  const auto& container = (*made)["TaskTemplate"]["ContainerSpec"];
  EXPECT_EQ(container["Secrets"][0]["SecretID"], "s7");
  EXPECT_EQ(container["Secrets"][0]["File"]["Name"], "db");
  EXPECT_EQ(container["Configs"][0]["File"]["Name"], "/rules");
  order.configs = Json::array();
  const auto lacking = service_order(order, spec);
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().what,
            "swarm: cluster game: the Swarm has no config rules: `docker config create rules FILE` "
            "makes it");
}

}  // namespace
}  // namespace utakata
