#include "fleet/provider/docker/foreign_containers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata {
namespace {

using Json = nlohmann::json;

std::string container(const std::string& id, const std::string& mode, const std::string& ports,
                      const std::string& labels = R"("app":"game")") {
  return fmt::format(R"({{"Id":"{0}","Names":["/game-{0}"],"Labels":{{{3}}},"Ports":[{2}],)"
                     R"("HostConfig":{{"NetworkMode":"{1}"}}}})",
                     id, mode, ports, labels);
}

struct Case {
  std::string about, listed;
  ForeignQuery query;
  bool publishes;
  std::string at;  // "docker a at 10.0.0.5:8080", or a part of what is said
};

TEST(ForeignContainers, which_can_be_adopted_and_why_others_cannot) {
  const std::string one = R"({"PrivatePort":3000,"PublicPort":8080,"Type":"tcp","IP":"0.0.0.0"})";
  const std::string six = R"({"PrivatePort":3000,"PublicPort":8080,"Type":"tcp","IP":"::"})";
  const std::string same = R"({"PrivatePort":3000,"PublicPort":3000,"Type":"tcp"})";
  const std::string udp = R"({"PrivatePort":53,"PublicPort":53,"Type":"udp"})";
  const std::string other = R"({"PrivatePort":9000,"PublicPort":9000,"Type":"tcp"})";
  const ForeignQuery plain{.label = "app=game"}, at_3000{.label = "app=game", .port = 3000},
      kernel{.label = "app=game", .counts_sockets = true};
  const std::string ours = R"("app":"game","utakata.instance":"game-1")";
  const Case cases[] = {
      {"published", container("a", "bridge", one + "," + six + "," + udp), plain, true,
       "docker a at 10.0.0.5:8080"},
      {"which of two", container("a", "bridge", one + "," + other), plain, true, "several ports"},
      {"the one named", container("a", "bridge", one + "," + other), at_3000, true, ":8080"},
      {"another is", container("a", "bridge", other), at_3000, true, "its port 3000 nowhere"},
      {"none is", container("a", "bridge", ""), plain, true, "game-a publishes no port"},
      {"the host's network", container("a", "host", ""), at_3000, false, "10.0.0.5:3000"},
      {"which port there", container("a", "host", ""), plain, false, "by --port"},
      {"not as ours", container("a", "host", ""), at_3000, true, "start it with `-p`"},
      {"nor there", container("a", "bridge", one), plain, false, "`network: published`"},
      {"counted by the kernel", container("a", "bridge", one), kernel, true,
       "3000 inside and 8080"},
      {"and can be", container("a", "bridge", same), kernel, true, "10.0.0.5:3000"},
      {"ours already", container("a", "host", "", ours), at_3000, false, "no running container"},
      {"none at all", "", at_3000, false, "has the label app=game"},
      {"two at one port", container("a", "host", "") + "," + container("b", "host", ""), at_3000,
       false, "game-b is at port 3000 like another"},
      {"no container", "7,null,{}", at_3000, false, "no running container"},
  };
  for (const auto& [about, listed, query, publishes, at] : cases) {
    const auto all = foreign_containers(Json::parse("[" + listed + "]"), query,
                                        {.advertise = "10.0.0.5", .publishes = publishes});
    const auto said = all ? fmt::format("{} at {}:{}", (*all)[0].handle, (*all)[0].address.host,
                                        (*all)[0].address.port)
                          : all.error().what;
    EXPECT_NE(said.find(at), std::string::npos) << about << ": " << said;
  }
  EXPECT_FALSE(foreign_containers(Json::object(), at_3000, {.advertise = "10.0.0.5"}));
}

}  // namespace
}  // namespace utakata
