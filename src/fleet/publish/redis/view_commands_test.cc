#include "fleet/publish/redis/view_commands.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

using Commands = std::vector<std::vector<std::string>>;

PublishedCluster::Line line(const std::string& url, double load, bool open = true, int free = 1) {
  return {.identity = placeable_identity("game-1", url),
          .open = open,
          .free = free,
          .is_free_known = true,
          .load = load};
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
                      {"PEXPIRE", "utakata:show:lobby", "1500"},
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

// Placement has only just begun, after a restart or a takeover.
TEST(ViewCommands, who_is_open_and_not_counted_yet_stays_as_it_stands_there) {
  auto uncounted = line("ws://a:1", 0, true, 0), closed = line("ws://c:1", 0, false, 0);
  uncounted.is_free_known = closed.is_free_known = false;
  const std::vector<PublishedCluster> clusters{
      {.cluster = "game", .lines = {uncounted, line("ws://b:1", 1), closed}}};
  const std::string key = "utakata:show:game", kept = "utakata:show:game:kept";
  EXPECT_EQ(redis_view_commands("show", clusters, 5s),
            (Commands{{"MULTI"},
                      {"ZADD", kept, "0", "ws://a:1"},
                      {"ZINTERSTORE", key, "2", key, kept, "WEIGHTS", "1", "0"},
                      {"DEL", kept},
                      {"ZADD", key, "1", "ws://b:1"},
                      {"PEXPIRE", key, "5000"},
                      {"EXEC"}}));
}

TEST(ViewCommands, what_is_another_controllers_is_not_touched_and_what_is_nobodys_lives_on) {
  using Whose = PublishedCluster::Whose;
  const std::vector<PublishedCluster> clusters{
      {.cluster = "lobby", .whose = Whose::others, .lines = {}},
      {.cluster = "game", .whose = Whose::nobodys, .lines = {line("ws://a:1", 0)}}};
  EXPECT_EQ(redis_view_commands("show", clusters, 5s),
            (Commands{{"MULTI"}, {"PEXPIRE", "utakata:show:game", "5000"}, {"EXEC"}}));
}

}  // namespace
}  // namespace utakata
