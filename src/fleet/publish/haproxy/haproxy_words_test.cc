#include "fleet/publish/haproxy/haproxy_words.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

using Be = HaproxyWish::Be;
using Words = std::vector<std::string>;

// As Debian's 2.6.12 answers.
const std::string head =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord "
    "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

std::string row(const std::string& name, const std::string& address, int admin, int weight,
                int port) {
  return "3 game 1 " + name + " " + address + " 2 " + std::to_string(admin) + " " +
         std::to_string(weight) + " 1 12 1 0 0 0 0 0 0 - " + std::to_string(port) +
         " - 0 0 - - 0\n";
}

std::string why_not(std::string_view answer) {
  const auto servers = haproxy_servers(answer, "game");
  return servers ? "" : servers.error().what;
}

HaproxyServer server(const std::string& name, int weight = 256, std::uint16_t port = 1) {
  return {.name = name, .address = "10.0.0.1", .port = port, .weight = weight};
}
HaproxyWish wish(const std::string& name, Be be = Be::open, int weight = 256) {
  return {.name = name, .address = "10.0.0.1", .port = 1, .be = be, .weight = weight};
}
Words steps(std::vector<HaproxyWish> wishes, std::vector<HaproxyServer> standing) {
  return haproxy_steps("game", "u:", wishes, standing);
}

TEST(HaproxyWords, what_stands_in_a_backend_is_read_with_what_it_was_forced_to_be) {
  const auto servers =
      haproxy_servers(head + row("u:a", "10.0.0.1", 0, 256, 3000) + row("mine", "::1", 1, 1, 3001) +
                          row("u:b", "10.0.0.2", 8, 16, 80) + "\n",
                      "game");
  ASSERT_TRUE(servers) << servers.error().what;
  EXPECT_EQ(
      *servers,
      (std::vector<HaproxyServer>{
          {.name = "u:a", .address = "10.0.0.1", .port = 3000, .weight = 256},
          {.name = "mine", .address = "::1", .port = 3001, .is_maint = true, .weight = 1},
          {.name = "u:b", .address = "10.0.0.2", .port = 80, .is_drained = true, .weight = 16}}));
  EXPECT_EQ(haproxy_servers(head + "\n", "game"), std::vector<HaproxyServer>{});
  EXPECT_EQ(haproxy_question("game"), "show servers state game\n");
}

TEST(HaproxyWords, what_is_no_such_answer_is_refused_in_a_sentence) {
  EXPECT_NE(why_not("Can't find backend.\n\n").find("needs a section `backend game`"),
            std::string::npos);
  EXPECT_NE(why_not("Permission denied\n\n").find("`level admin`"), std::string::npos);
  EXPECT_NE(why_not("Unknown command: 'show'\n\n").find("2.6 or later"), std::string::npos);
  EXPECT_NE(why_not("HTTP/1.1 400 Bad request\r\n\r\n").find("`HTTP/1.1 400 Bad request`"),
            std::string::npos);
  EXPECT_NE(why_not(head + row("u:a", "10.0.0.1", 0, 256, 3000)).find("broke off"),
            std::string::npos);
  EXPECT_NE(why_not("1\n# other columns\n\n").find("`# other columns`"), std::string::npos);
  for (const auto& wrong :
       {std::string("3 game 1 u:a 10.0.0.1 2 0 256\n"), std::string("x\n"),
        row("u:a;quit", "10.0.0.1", 0, 256, 3000), row("", "10.0.0.1", 0, 256, 3000)})
    EXPECT_NE(why_not(head + wrong + "\n").find("is not the runtime API"), std::string::npos);
  EXPECT_NE(why_not(head + row("u:a", "10.0.0.1", -1, 256, 3000) + "\n"), "");
  EXPECT_NE(why_not(head + row("u:a", "10.0.0.1", 0, 256, 70000) + "\n"), "");
  EXPECT_EQ(why_not(std::string(1000, '\1')).find('\1'), std::string::npos);
}

TEST(HaproxyWords, what_is_as_wished_needs_no_command) {
  auto drained = server("u:b");
  drained.is_drained = true;
  auto closed = server("u:c");
  closed.is_maint = true;
  EXPECT_EQ(steps({wish("u:a"), wish("u:b", Be::drained), wish("u:c", Be::as_it_is),
                   wish("u:new", Be::drained), wish("u:new-too", Be::as_it_is)},
                  {server("u:a"), drained, closed, server("mine")}),
            Words{});
}

TEST(HaproxyWords, only_what_differs_is_told_and_clients_are_let_in_first) {
  auto drained = server("u:back");
  drained.is_drained = true;
  EXPECT_EQ(steps({wish("u:full", Be::drained), wish("u:new", Be::open, 128), wish("u:back"),
                   wish("u:fuller", Be::open, 64)},
                  {server("u:full"), server("mine"), drained, server("u:fuller", 128)}),
            (Words{"add server game/u:new 10.0.0.1:1 weight 128",
                   "set server game/u:new state ready", "set server game/u:back state ready",
                   "set server game/u:fuller weight 64", "set server game/u:full state drain"}));
}

TEST(HaproxyWords, who_is_gone_or_has_moved_is_closed_and_removed_until_it_is) {
  auto closed = server("u:b");
  closed.is_maint = true;
  EXPECT_EQ(
      steps({wish("u:moved")}, {server("u:a"), closed, server("mine"), server("u:moved", 256, 2)}),
      (Words{"set server game/u:a state maint", "del server game/u:a", "del server game/u:b",
             "set server game/u:moved state maint", "del server game/u:moved"}));
}

TEST(HaproxyWords, an_address_of_ipv6_stands_in_brackets) {
  auto six = wish("u:a");
  six.address = "::1";
  EXPECT_EQ(steps({six}, {})[0], "add server game/u:a [::1]:1 weight 256");
}

TEST(HaproxyWords, commands_go_in_lines_that_haproxy_takes) {
  const Words commands{"one", "two", "three", "a long one of its own"};
  EXPECT_EQ(haproxy_lines(commands, 10),
            (Words{"one;two\n", "three\n", "a long one of its own\n"}));
  EXPECT_EQ(haproxy_lines({}, 10), Words{});
}

TEST(HaproxyWords, a_refusal_is_told_with_what_helps) {
  EXPECT_EQ(haproxy_refusal("New server registered.\n\n\n\nServer deleted.\n", "game"),
            std::nullopt);
  EXPECT_EQ(haproxy_refusal("No such server.\n\nServer still has connections attached to it, "
                            "cannot remove it.\n",
                            "game"),
            std::nullopt);
  const auto refusal = [](std::string_view answer) {
    return haproxy_refusal(answer, "game").value_or("");
  };
  EXPECT_EQ(refusal("\nPermission denied\n\n"),
            "it says `Permission denied`: its `stats socket` line in haproxy.cfg needs `level "
            "admin`");
  EXPECT_NE(refusal("Backend must use a dynamic load balancing to support dynamic servers.\n\n")
                .find("needs `balance leastconn`"),
            std::string::npos);
  EXPECT_EQ(refusal("unknown\n"), "it says `unknown`");
}

TEST(HaproxyWords, any_id_has_a_name_of_its_own) {
  EXPECT_EQ(haproxy_name("game-1"), "game-1");
  EXPECT_EQ(haproxy_name("10.0.0.5:3000"), "10.0.0.5_3A3000");
  EXPECT_EQ(haproxy_name("a b;c/d_e\n\xff"), "a_20b_3Bc_2Fd_5Fe_0A_FF");
}

TEST(HaproxyWords, room_is_a_weight_that_is_never_nothing) {
  EXPECT_EQ(haproxy_weight(1000, 1000), 256);
  EXPECT_EQ(haproxy_weight(500, 1000), 128);
  EXPECT_EQ(haproxy_weight(501, 1000), 144);
  EXPECT_EQ(haproxy_weight(1, 1000), 16);
  EXPECT_EQ(haproxy_weight(0, 1000), 16);
  EXPECT_EQ(haproxy_weight(2'000'000'000, 1), 256);
}

}  // namespace
}  // namespace utakata
