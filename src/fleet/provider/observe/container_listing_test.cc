#include "fleet/provider/observe/container_listing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata {
namespace {

using Json = nlohmann::json;

const std::string digits = "4f5e6a7b8c9d0e1f";

// As the Engine's API 1.41 lists one.
std::string container(const std::string& name, const std::string& ports,
                      const std::string& mode = "bridge", const std::string& ip = "172.17.0.2") {
  return fmt::format(
      R"({{"Id":"{}","Names":["/{}"],"Image":"game:7","State":"running","Labels":{{"app":"game"}},)"
      R"("Ports":[{}],"HostConfig":{{"NetworkMode":"{}"}},)"
      R"("NetworkSettings":{{"Networks":{{"{}":{{"IPAddress":"{}"}}}}}}}})",
      digits, name, ports, mode, mode, ip);
}

struct Case {
  std::string about, listed;
  EnginePlace engine;
  std::string at;  // "host:port"; otherwise a part of what is said
};

TEST(ContainerListing, where_each_is_reached) {
  const std::string any = R"({"PrivatePort":3000,"Type":"tcp"})";
  const std::string udp = R"({"IP":"0.0.0.0","PrivatePort":3000,"PublicPort":1,"Type":"udp"},)";
  const std::string open = R"({"IP":"0.0.0.0","PrivatePort":3000,"PublicPort":32768,"Type":"tcp"})";
  const std::string six = R"({"IP":"::1","PrivatePort":3000,"PublicPort":32769,"Type":"tcp"})";
  const std::string one = R"({"IP":"127.0.0.1","PrivatePort":3000,"PublicPort":5,"Type":"tcp"})";
  const EnginePlace here{"127.0.0.1", true}, away{"10.0.0.9", false};
  const Case cases[] = {
      {"published", container("g", udp + open), here, "127.0.0.1:32768"},
      {"published elsewhere", container("g", open), away, "10.0.0.9:32768"},
      {"published on one address", container("g", one), here, "127.0.0.1:5"},
      {"on that of IPv6", container("g", six), here, "[::1]:32769"},
      {"on another host's loopback", container("g", one), away, "is not reached from here"},
      {"on loopback, and everywhere", container("g", one + "," + open), away, "10.0.0.9:32768"},
      {"not published", container("g", any), here, "172.17.0.2:3000"},
      {"another port is", container("g", R"({"PrivatePort":80,"PublicPort":80,"Type":"tcp"})"),
       here, "172.17.0.2:3000"},
      {"not published elsewhere", container("g", any), away, "port 3000 of container g is not"},
      {"the host's network", container("g", "", "host", ""), here, "127.0.0.1:3000"},
      {"that of another", container("g", "", "host", ""), away, "10.0.0.9:3000"},
      {"no network", container("g", "", "none", ""), here,
       "publish it, as by `docker run -p 3000`"},
      {"ports of no use", container("g", R"(7,{"PrivatePort":"a"},null)"), here, "172.17.0.2:3000"},
      {"nothing but an id", R"({"Id":"4f5e6a7b8c9d0e1f"})", here, "is not reached"},
      {"no id", R"({"Names":["/g"]})", here, "has no id"},
      {"no object", "7", here, "has no id"},
      {"two at one address", container("g", open) + "," + container("h", open), here,
       "two containers are both at 127.0.0.1:32768"},
  };
  for (const auto& [about, listed, engine, at] : cases) {
    const auto all =
        read_containers(Json::parse("[" + listed + "]"), {.label = "app", .port = 3000}, engine);
    if (!all) {
      EXPECT_NE(all.error().what.find(at), std::string::npos) << about << ": " << all.error().what;
      continue;
    }
    ASSERT_EQ(all->size(), 1u) << about;
    EXPECT_EQ((*all)[0].handle, "container 4f5e6a7b8c9d");
    EXPECT_EQ(fmt::format("{}:{}", (*all)[0].address.host, (*all)[0].address.port), at) << about;
  }
  EXPECT_FALSE(read_containers(Json::object(), {.label = "app", .port = 3000}, here));
}

TEST(ContainerListing, those_that_are_meant) {
  const auto list = Json::parse("[" + container("game-1", "") + "]");
  const auto found = [&](const ObservedContainers& wanted) {
    return read_containers(list, wanted, {"127.0.0.1"}).value().size() == 1;
  };
  EXPECT_TRUE(found({.name = "game-1", .port = 1}) && found({.name = "game-*", .port = 1}));
  EXPECT_FALSE(found({.name = "game", .port = 1}) || found({.name = "ame-1", .port = 1}));
  EXPECT_TRUE(found({.image = "game:7", .port = 1}) && found({.image = "game:*", .port = 1}));
  EXPECT_FALSE(found({.image = "game", .port = 1}));
}

TEST(ContainerListing, what_the_engine_is_asked) {
  EXPECT_EQ(containers_path({.label = "app=game", .port = 1}),
            "/containers/json?filters=%7B%22label%22%3A%5B%22app%3Dgame%22%5D%2C%22status%22%3A%5B%"
            "22running%22%5D%7D");
  EXPECT_EQ(containers_path({.name = "game", .port = 1}),
            "/containers/json?filters=%7B%22status%22%3A%5B%22running%22%5D%7D");
}

}  // namespace
}  // namespace utakata
