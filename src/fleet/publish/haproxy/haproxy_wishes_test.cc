#include "fleet/publish/haproxy/haproxy_wishes.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

using Be = HaproxyWish::Be;

PublishedCluster::Line line(const std::string& id, int free, bool open = true) {
  return {.identity = placeable_identity(id, "wss://public.example", "", {"10.0.0.1", 3000}),
          .open = open,
          .free = free,
          .is_free_known = true,
          .load = 0};
}

std::optional<std::string> as_it_is(const std::string& host) { return host; }

TEST(HaproxyWishes, who_has_room_is_open_by_how_much_and_nobody_else) {
  auto unknown = line("game-4", 0);
  unknown.is_free_known = false;
  const std::vector<PublishedCluster> clusters{
      {.cluster = "game",
       .capacity = 100,
       .lines = {line("game-1", 50), line("game-2", 0), line("game-3", 50, false), unknown}}};
  const auto wishes = haproxy_wishes({}, "u:", clusters, as_it_is);
  ASSERT_EQ(wishes.size(), 1u);
  const auto& all = wishes.at("game");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].name, "u:game-1");
  EXPECT_EQ(all[0].address, "10.0.0.1") << "its own address, whatever the url is";
  EXPECT_EQ(all[0].port, 3000);
  EXPECT_EQ(all[0].be, Be::open);
  EXPECT_EQ(all[0].weight, 128);
  EXPECT_EQ(all[1].be, Be::drained) << "full";
  EXPECT_EQ(all[2].be, Be::drained) << "out of placement";
  EXPECT_EQ(all[3].be, Be::as_it_is) << "a controller that has just started has no counts";
}

TEST(HaproxyWishes, a_host_whose_number_is_not_known_changes_nothing) {
  const std::vector<PublishedCluster> clusters{{.cluster = "game", .lines = {line("game-1", 0)}}};
  const auto nothing = [](const std::string&) { return std::optional<std::string>(); };
  EXPECT_EQ(haproxy_wishes({}, "u:", clusters, nothing).at("game")[0].be, Be::as_it_is);
}

TEST(HaproxyWishes, clusters_have_backends_of_their_names_or_as_told) {
  const std::vector<PublishedCluster> clusters{{.cluster = "lobby", .lines = {}},
                                               {.cluster = "game", .lines = {line("game-1", 1)}}};
  const auto backends = [&](const HaproxySpec& spec) {
    std::string all;
    for (const auto& [backend, wishes] : haproxy_wishes(spec, "u:", clusters, as_it_is))
      all += backend + " " + std::to_string(wishes.size()) + ";";
    return all;
  };
  EXPECT_EQ(backends({}), "game 1;lobby 0;");
  EXPECT_EQ(backends({.backend = "show-${cluster}"}), "show-game 1;show-lobby 0;");
  EXPECT_EQ(backends({.backend = "web", .clusters = {"game"}}), "web 1;");
  EXPECT_EQ(haproxy_backend({.backend = "web", .clusters = {"game"}}, "lobby"), std::nullopt);
}

}  // namespace
}  // namespace utakata
