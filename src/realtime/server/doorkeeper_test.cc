// Clients with tickets, and a controller that is asked about them over HTTP.
#include "realtime/server/doorkeeper.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "net/http_server.h"

namespace utakata::realtime {
namespace {

using Use = TicketSettings::Use;

std::string ticket(int number) { return fmt::format("{:032x}", number); }

class DoorkeeperTest : public testing::Test {
 protected:
  void begin(Use use) {
    door_.emplace(
        loop_,
        TicketSettings{
            .use = use,
            .url = tickets_url(fmt::format("http://127.0.0.1:{}", port_), "show", "channels"),
            .token = "of-this"},
        Doorkeeper::Calls{
            .let_in = [this](ClientSlot client) { told_ += fmt::format("{} in\n", client); },
            .turn_away =
                [this](ClientSlot client, const Doorkeeper::TurnedAway& turned) {
                  told_ += fmt::format("{} away: {}\n", client, turned.why);
                }});
  }
  void controller_comes() {
    controller_ = std::make_unique<net::HttpServer>(loop_, [this](const net::HttpRequest& request,
                                                                  net::HttpReply reply) {
      const std::string shown(request.header("authorization"));
      asked_ += fmt::format("{} {} {}\n", request.method, request.path, shown);
      if (is_mute_) return held_.push_back(std::move(reply));
      const auto known = statuses_.find(std::string(request.path.substr(request.path.size() - 32)));
      reply.send({.status = known == statuses_.end() ? 404 : known->second, .body = "{}"});
    });
    const auto port = controller_->listen("127.0.0.1", port_);
    ASSERT_TRUE(port) << port.error().what;
    port_ = *port;
  }
  void until(const std::function<bool()>& holds) {
    const Instant end = loop_.now() + 20s;
    const auto look = loop_.every(5ms, [&] {
      if (holds() || loop_.now() > end) loop_.stop();
    });
    loop_.run();
    loop_.cancel(look);
    EXPECT_TRUE(holds()) << told_ << asked_;
  }
  std::string metrics() {
    wire::PrometheusWriter out;
    door_->measure(out);
    return out.take();
  }
  bool counts(const std::string& what, int count) {
    return metrics().find(fmt::format("realtime_tickets_total{{what=\"{}\"}} {}\n", what, count)) !=
           std::string::npos;
  }

  net::Loop loop_;
  std::uint16_t port_ = 0;
  std::map<std::string, int> statuses_;
  bool is_mute_ = false;
  std::vector<net::HttpReply> held_;
  std::string told_, asked_;
  std::unique_ptr<net::HttpServer> controller_;
  std::optional<Doorkeeper> door_;
};

TEST_F(DoorkeeperTest, asks_nobody_and_lets_all_in_where_tickets_are_not_looked_at) {
  begin(Use::off);
  EXPECT_FALSE(door_->looks_at_tickets());
  EXPECT_EQ(door_->comes(1, "whatever"), true);
  EXPECT_EQ(metrics(), "");
}

TEST_F(DoorkeeperTest, confirms_what_is_shown_and_lets_all_in_at_once) {
  controller_comes();
  statuses_[ticket(1)] = 200;
  begin(Use::confirm);
  for (const std::string& shown : {ticket(1), ticket(2), std::string(), std::string("../admin")})
    EXPECT_EQ(door_->comes(1, shown), true);
  until([&] { return counts("confirmed", 1) && counts("refused", 1); });
  EXPECT_TRUE(counts("missing", 1));
  EXPECT_TRUE(counts("malformed", 1));
  EXPECT_EQ(told_, "");
  for (const int number : {1, 2})
    EXPECT_NE(asked_.find(fmt::format("POST /v1/stacks/show/clusters/channels/tickets/{} Bearer "
                                      "of-this\n",
                                      ticket(number))),
              std::string::npos);
  EXPECT_EQ(asked_.find("admin"), std::string::npos);
}

TEST_F(DoorkeeperTest, lets_in_whose_ticket_holds_where_one_is_required) {
  controller_comes();
  statuses_ = {{ticket(1), 200}, {ticket(2), 404}, {ticket(3), 409}, {ticket(4), 410}};
  begin(Use::require);
  for (const int number : {1, 2, 3, 4})
    EXPECT_EQ(door_->comes(ClientSlot(number), ticket(number)), false);
  EXPECT_EQ(told_, "") << "not within the call";
  until([&] { return std::ranges::count(told_, '\n') == 4; });
  EXPECT_NE(told_.find("1 in\n"), std::string::npos);
  for (const int number : {2, 3, 4})
    EXPECT_NE(told_.find(fmt::format("{} away: The ticket has no seat here", number)),
              std::string::npos);
  for (const char* wrong : {"", "x"}) {
    const auto answer = door_->comes(5, wrong);
    ASSERT_FALSE(answer);
    EXPECT_FALSE(answer.error().may_come_again);
  }
}

TEST_F(DoorkeeperTest, who_left_before_the_word_came_is_not_told_of_and_has_come_nevertheless) {
  controller_comes();
  is_mute_ = true;
  begin(Use::require);
  EXPECT_EQ(door_->comes(1, ticket(1)), false);
  until([&] { return held_.size() == 1; });
  door_->left(1);
  door_->left(1);
  is_mute_ = false;
  statuses_[ticket(2)] = 200;
  EXPECT_EQ(door_->comes(1, ticket(2)), false) << "another, of the same slot";
  until([&] { return told_ == "1 in\n"; });
  held_[0].send({.status = 404, .body = "{}"});
  until([&] { return counts("refused", 1); });
  EXPECT_EQ(told_, "1 in\n");
}

TEST_F(DoorkeeperTest, lets_all_in_while_the_controller_is_away_and_tells_it_when_it_is_back) {
  controller_comes();
  controller_.reset();
  begin(Use::require);
  EXPECT_EQ(door_->comes(1, ticket(1)), false);
  until([&] { return told_ == "1 in\n"; });
  EXPECT_EQ(door_->comes(2, ticket(2)), false);
  until([&] { return told_ == "1 in\n2 in\n"; });
  statuses_ = {{ticket(1), 200}, {ticket(2), 410}};
  controller_comes();
  until([&] { return counts("confirmed", 1) && counts("refused", 1); });
  EXPECT_EQ(told_, "1 in\n2 in\n") << "who was let in stays";
  EXPECT_EQ(door_->comes(3, ticket(3)), false);
  until([&] { return told_.find("3 away") != std::string::npos; });
}

}  // namespace
}  // namespace utakata::realtime
