#include "fleet/publish/redis/view_commands.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

using Commands = std::vector<std::vector<std::string>>;

PublishedCluster::Line line(const std::string& url, double load, bool open = true, int free = 1) {
  return {.identity = placeable_identity("game-1", url), .open = open, .free = free, .load = load};
}

TEST(ViewCommands, who_has_room_stands_in_the_set_by_load) {
  const std::vector<PublishedCluster> clusters{
      {.cluster = "game",
       .lines = {line("ws://b:1", 12.5), line("ws://a:1", 1.0 / 3), line("ws://closed:1", 0, false),
                 line("ws://full:1", 100, true, 0), line("", 0)}}};
  EXPECT_EQ(redis_view_commands("show", clusters, 5s),
            (Commands{{"MULTI"},
                      {"DEL", "utakata:show:game"},
                      {"ZADD", "utakata:show:game", "0.333", "ws://a:1", "12.5", "ws://b:1"},
                      {"PEXPIRE", "utakata:show:game", "5000"},
                      {"EXEC"}}));
}

TEST(ViewCommands, of_a_cluster_without_room_the_key_is_taken_away) {
  const std::vector<PublishedCluster> clusters{{.cluster = "lobby", .lines = {}},
                                               {.cluster = "game", .lines = {line("ws://a:1", 0)}}};
  EXPECT_EQ(redis_view_commands("show", clusters, 1500ms),
            (Commands{{"MULTI"},
                      {"DEL", "utakata:show:lobby"},
                      {"DEL", "utakata:show:game"},
                      {"ZADD", "utakata:show:game", "0", "ws://a:1"},
                      {"PEXPIRE", "utakata:show:game", "1500"},
                      {"EXEC"}}));
}

TEST(ViewCommands, instances_of_one_url_are_one_member_with_the_least_load_and_no_ticket) {
  const std::vector<PublishedCluster> clusters{
      {.cluster = "game",
       .lines = {line("wss://one.example/?t=${ticket}", 7),
                 line("wss://one.example/?t=${ticket}", 3), line("wss://one.example/?t=", 5)}}};
  EXPECT_EQ(redis_view_commands("show", clusters, 5s)[2],
            (std::vector<std::string>{"ZADD", "utakata:show:game", "3", "wss://one.example/?t="}));
}

}  // namespace
}  // namespace utakata
