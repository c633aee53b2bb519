#include "fleet/stack/run_options.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "fleet/model/template.h"

namespace utakata {

TEST(RunOptions, make_a_stack_of_one_cluster) {
  const Stack stack = stack_from_run({.name = "run",
                                      .folder = "/srv",
                                      .store = "",
                                      .command = {"node", "server.js"},
                                      .instances_min = 2,
                                      .instances_max = 10,
                                      .capacity = 500,
                                      .port_env = "LISTEN",
                                      .api = {}});
  EXPECT_EQ(stack.store, "/srv/run.db");
  ASSERT_EQ(stack.clusters.size(), 1u);
  const ClusterSpec& app = stack.clusters[0];
  EXPECT_EQ(app.run.text, "exec node server.js");
  EXPECT_EQ(app.capacity, 500);
  EXPECT_EQ(app.count.kind, CountSpec::Kind::sockets);
  EXPECT_EQ(app.env[0].first, "LISTEN");
  EXPECT_EQ(app.scale[0], (Rule{"headroom", HeadroomRule{{30, true}}}));
  EXPECT_EQ(app.version.size(), 16u);
}

// What the shell makes of it is asked of a shell.
TEST(RunOptions, a_command_reaches_the_program_as_it_was_typed) {
  const std::vector<std::string> words = {"printf",  "%s|", "a b", "it's",  "$HOME",   "$$",
                                          "${HOME}", "*",   "",    "\"q\"", "${port}", "x;y"};
  const Stack stack =
      stack_from_run({.folder = "/srv", .store = "", .command = words, .port_env = "", .api = {}});
  const auto run =
      expand(stack.clusters[0].run.text, [](std::string_view name) -> std::optional<std::string> {
        return name == "port" ? std::optional<std::string>("20001") : std::nullopt;
      });
  ASSERT_TRUE(run) << stack.clusters[0].run.text;
  std::FILE* shell = popen(run->c_str(), "r");
  ASSERT_TRUE(shell);
  char buffer[256] = {};
  const std::size_t got = std::fread(buffer, 1, sizeof buffer - 1, shell);
  pclose(shell);
  EXPECT_EQ(std::string(buffer, got), "a b|it's|$HOME|$$|${HOME}|*||\"q\"|20001|x;y|");
}

TEST(RunOptions, a_range_of_instances) {
  EXPECT_EQ(instances_range_from("2..10"), std::pair(2, 10));
  EXPECT_EQ(instances_range_from("3"), std::pair(3, 3));
  EXPECT_EQ(instances_range_from("0..1"), std::pair(0, 1));
  for (const auto text :
       {"", "..", "2..", "..3", "5..2", "0", "-1..3", "2-10", "1..100001", "2..3x"})
    EXPECT_FALSE(instances_range_from(text)) << text;
}

}  // namespace utakata
