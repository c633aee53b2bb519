#include "fleet/provider/observe/pm2_listing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata {
namespace {

// As PM2 7 prints it, without what is not read.
std::string process(int id, int pid, const std::string& env, const std::string& more = "") {
  return fmt::format(
      R"({{"pid":{},"name":"game","pm2_env":{{"name":"game","env":{{"HOME":"/root"{}}},)"
      R"("status":"online","pm_uptime":1795447149558{}}},"pm_id":{}}})",
      pid, env, more, id);
}

TEST(Pm2Listing, online_processes_of_the_app_at_the_ports_of_their_environments) {
  const auto all = read_pm2(
      "[" + process(0, 28722, R"(,"PORT":31900)") + "," + process(2, 28723, R"(,"PORT":"31901")") +
          R"(,{"pid":7,"name":"other","pm2_env":{"status":"online"},"pm_id":1})" +
          R"(,{"pid":0,"name":"game","pm2_env":{"status":"stopped"},"pm_id":3}])",
      {.name = "game", .host = "10.0.0.5"});
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_EQ(*all,
            (std::vector<Listed>{{"pm2 0 pid 28722 started 1795447149558", {"10.0.0.5", 31900}},
                                 {"pm2 2 pid 28723 started 1795447149558", {"10.0.0.5", 31901}}}));
}

TEST(Pm2Listing, a_port_that_is_given_goes_before_and_counts_up_by_the_process_number) {
  const auto all = read_pm2("[" + process(0, 1, R"(,"PORT":80)") + "," +
                                process(4, 2, "", R"(,"NODE_APP_INSTANCE":1)") + "]",
                            {.name = "game", .port = 4000, .host = "h"});
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].address.port, 4000);
  EXPECT_EQ((*all)[1].address.port, 4001);
}

TEST(Pm2Listing, what_is_printed_around_the_list_is_passed_over) {
  const std::string banner =
      "\n   -------------\n__/\\\\\\\\____\n   [not a list\n"
      "[PM2] Spawning PM2 daemon with pm2_home=/root/.pm2\n[\n[7]x\n"
      ">>>> In-memory PM2 is out-of-date, do:\n";
  for (const char* end : {"", "\n", "\r\n", "\nUse --update-env to update\n"}) {
    const auto all =
        read_pm2(banner + "[" + process(0, 1, R"(,"PORT":80)") + "]" + end, {.name = "game"});
    ASSERT_TRUE(all) << end << all.error().what;
    EXPECT_EQ(all->size(), 1u);
  }
  EXPECT_EQ(read_pm2(banner + "[]", {.name = "game"})->size(), 0u);
}

TEST(Pm2Listing, what_cannot_be_read_is_refused_whole_and_no_environment_is_told) {
  const auto list = [](const std::string& one) {
    return "[" + process(0, 1, R"(,"PORT":80)") + "," + one + "]";
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "printed no list"},
      {"[PM2] Spawning PM2 daemon\n", "printed no list"},
      {R"({"name":"game"})", "printed no list"},
      {"[\xff]", "printed no list"},
      {list(process(5, 2, R"(,"KEY":"hunter2")")), "process 5 of game has no port"},
      {list(process(5, 2, R"(,"KEY":"hunter2","PORT":"8080x")")), "has no port"},
      {list(process(5, 2, R"(,"KEY":"hunter2","PORT":70000)")), "has no port"},
      {list(process(5, 2, R"(,"KEY":"hunter2","PORT":-1)")), "has no port"},
      {list(process(5, 2, R"(,"KEY":"hunter2","PORT":80)")), "share port 80"},
      {list(R"({"name":"game","pm2_env":{"status":"online"},"pm_id":1})"), "tells no pm_id, pid"},
      {list(R"({"name":"game","pm2_env":{"status":"online","pm_uptime":1},"pm_id":[],"pid":1})"),
       "tells no pm_id, pid"},
  };
  for (const auto& [text, said] : cases) {
    const auto all = read_pm2(text, {.name = "game", .host = "h"});
    ASSERT_FALSE(all) << text;
    EXPECT_NE(all.error().what.find(said), std::string::npos) << text << ": " << all.error().what;
    EXPECT_EQ(all.error().what.find("hunter2"), std::string::npos) << all.error().what;
  }
}

TEST(Pm2Listing, entries_that_are_no_process_of_the_app_are_passed_over) {
  const auto all =
      read_pm2(R"([7,null,"game",[],{"name":7},{"name":"game"},{"name":"game","pm2_env":[]}])",
               {.name = "game"});
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_TRUE(all->empty());
}

}  // namespace
}  // namespace utakata
