// An agent and a run's links to it, on one loop; workers are shells.
#include "load/agents/agent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <random>

#include "load/agents/agent_link.h"
#include "net/http_server.h"
#include "net/loopback_client.h"
#include "net/run_until.h"

namespace utakata::load {
namespace {

class AgentTest : public testing::Test {
 protected:
  std::uint16_t open_agent(const std::string& script, std::string token = {}) {
    agent_ = std::make_unique<Agent>(
        loop_, AgentSettings{.worker = {"sh", "-c", script}, .token = std::move(token), .cores = 3},
        [this](const std::string& sentence) { notices_.push_back(sentence); });
    const auto port = agent_->listen("127.0.0.1", 0);
    EXPECT_TRUE(port) << port.error().what;
    return *port;
  }
  // How it went; nothing: it has not ended in time.
  std::unique_ptr<AgentLink> link_to(std::uint16_t port, const std::string& token = {}) {
    how_.reset();
    auto link = std::make_unique<AgentLink>(
        loop_, client_, AgentAddress{.name = "bees-1", .host = "127.0.0.1", .port = port}, token, 0,
        [this](Expected<void> how) { how_ = std::move(how); });
    EXPECT_TRUE(net::run_until(loop_, [&] { return how_.has_value(); }));
    return link;
  }
  std::string why_not() const { return !how_ ? "?" : *how_ ? "it was taken" : how_->error().what; }
  std::unique_ptr<Worker> worker(AgentLink& link) {
    auto started =
        link.start({.said = [this](std::string_view line) { said_.emplace_back(line); },
                    .printed = [this](std::string_view line) { printed_.emplace_back(line); },
                    .ended = [this](const WorkerEnd& end) { ends_.push_back(end); }});
    EXPECT_TRUE(started);
    return std::move(*started);
  }
  bool until(const std::function<bool()>& is_true) { return net::run_until(loop_, is_true); }

  net::Loop loop_;
  net::WebSocketClient client_{loop_};
  std::unique_ptr<Agent> agent_;
  std::optional<Expected<void>> how_;
  std::vector<std::string> notices_, said_, printed_;
  std::vector<WorkerEnd> ends_;
};

TEST_F(AgentTest, files_are_sent_a_worker_reads_them_hears_and_says_and_its_end_is_told) {
  const auto port = open_agent(
      "read a; cat $0/home/me/votes.mjs >&3; echo >&3; wc -c < $0/film >&3; echo \"$a\"; exit 7");
  const auto link = link_to(port);
  ASSERT_TRUE(how_ && *how_) << why_not();
  EXPECT_EQ(link->workers(), 3);
  const std::string film(3'000'000, '\xff');  // of many pieces
  link->send(std::make_shared<Bundle>(
      Bundle{{{"/home/me/votes.mjs", "the scenario"}, {"/film", film}, {"/empty", ""}}}));
  const auto one = worker(*link);
  one->tell("order \xff");
  EXPECT_TRUE(until([&] { return !ends_.empty(); }));
  EXPECT_EQ(said_, (std::vector<std::string>{"the scenario", "3000000"}));
  EXPECT_EQ(printed_, (std::vector<std::string>{"order \xff"}));
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].status, 7);
  EXPECT_EQ(ends_[0].lost, "");
}

TEST_F(AgentTest, its_clock_is_known_to_within_half_of_a_ping) {
  const auto link = link_to(open_agent("true"));
  ASSERT_TRUE(how_ && *how_) << why_not();
  const CrewClock clock = link->clock();
  EXPECT_GT(clock.error, 0s);
  EXPECT_LE(std::chrono::abs(clock.offset), clock.error) << "it is the same clock";
}

TEST_F(AgentTest, who_comes_second_is_told_so_and_is_taken_when_the_first_has_left) {
  const auto port = open_agent("echo $$ >&3; sleep 100");
  auto first = link_to(port);
  ASSERT_TRUE(how_ && *how_) << why_not();
  const auto shell = worker(*first);
  ASSERT_TRUE(until([&] { return !said_.empty(); }));
  const auto refused = link_to(port);
  EXPECT_EQ(why_not(), "agent bees-1: another run is under way.");

  first.reset();  // as when the run's process dies
  EXPECT_TRUE(until([&] { return notices_.size() == 2; }));
  EXPECT_NE(kill(std::atoi(said_[0].c_str()), 0), 0) << "its worker lives on";
  const auto third = link_to(port);
  EXPECT_EQ(why_not(), "it was taken");
}

TEST_F(AgentTest, what_was_unpacked_goes_with_the_run) {
  auto link = link_to(open_agent("echo $0 >&3; sleep 100"));
  link->send(std::make_shared<Bundle>(Bundle{{{"/a/b", "x"}}}));
  const auto shell = worker(*link);
  ASSERT_TRUE(until([&] { return !said_.empty(); }));
  EXPECT_TRUE(std::filesystem::exists(said_[0] + "/a/b"));
  link.reset();
  EXPECT_TRUE(until([&] { return !std::filesystem::exists(said_[0]); }));
}

TEST_F(AgentTest, all_workers_of_an_agent_that_is_lost_end_at_once_each_knowing_why) {
  const auto link = link_to(open_agent("sleep 100"));
  ASSERT_TRUE(how_ && *how_) << why_not();
  const auto one = worker(*link), two = worker(*link);
  bool has_left = false;
  agent_->leave([&] { has_left = true; });
  EXPECT_TRUE(until([&] { return ends_.size() == 2 && has_left; }));
  for (const WorkerEnd& end : ends_) EXPECT_EQ(end.lost, "it was told to end");
  const auto late = worker(*link);
  EXPECT_TRUE(until([&] { return ends_.size() == 3; })) << "nobody waits for it";
}

TEST_F(AgentTest, a_worker_is_killed_or_dropped_and_the_others_go_on) {
  const auto link = link_to(open_agent("echo up >&3; read a; echo $a >&3; sleep 100"));
  const auto killed = worker(*link);
  auto dropped = worker(*link);
  const auto other = worker(*link);
  ASSERT_TRUE(until([&] { return said_.size() == 3; }));
  killed->kill(SIGKILL);
  dropped.reset();
  other->tell("here");
  EXPECT_TRUE(until([&] { return ends_.size() == 1 && said_.size() == 4; }));
  EXPECT_EQ(ends_[0].signal, SIGKILL);
  EXPECT_EQ(said_[3], "here");
}

TEST_F(AgentTest, who_does_not_have_the_token_is_refused) {
  const auto port = open_agent("true", "sesame");
  for (const char* const token : {"", "wrong", "sesame2", "Sesame"}) {
    const auto link = link_to(port, token);
    EXPECT_NE(why_not().find("401"), std::string::npos) << token << ": " << why_not();
    EXPECT_NE(why_not().find("Is LOAD_TOKEN the same"), std::string::npos) << why_not();
  }
  const auto link = link_to(port, "sesame");
  EXPECT_EQ(why_not(), "it was taken");
}

TEST_F(AgentTest, without_a_token_it_listens_on_this_host_only) {
  Agent agent(loop_, {.worker = {"true"}}, [](const std::string&) {});
  for (const char* const host : {"0.0.0.0", "::", "10.0.0.1"}) {
    const auto listening = agent.listen(host, 0);
    ASSERT_FALSE(listening) << host;
    EXPECT_EQ(listening.error().kind, Problem::Kind::invalid);
  }
}

constexpr std::string_view kHandshake =
    "GET /agent HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

TEST_F(AgentTest, a_web_page_is_refused) {
  const auto port = open_agent("true");
  net::LoopbackClient page(port);
  page.send(std::string(kHandshake) + "Origin: http://127.0.0.1\r\n\r\n");
  std::string answer;
  EXPECT_TRUE(until([&] {
    std::array<char, 1024> bytes;
    const auto got = recv(page.descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got > 0) answer.append(bytes.data(), std::size_t(got));
    return !answer.empty();
  }));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 ")) << answer;
}

TEST_F(AgentTest, strangers_who_send_anything_do_not_end_it) {
  const auto port = open_agent("true");
  std::mt19937 random(5);
  std::vector<net::LoopbackClient> strangers;
  const std::string frame_of_all_there_is =
      "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
      "abcd";
  for (int k = 0; k < 60; ++k) {
    auto& one = strangers.emplace_back(port);
    std::string bytes;
    if (k % 3 == 0) bytes = std::string(kHandshake) + "\r\n" + frame_of_all_there_is;
    if (k % 3 == 1) bytes = kHandshake.substr(0, random() % kHandshake.size());
    for (std::size_t more = random() % 500; more > 0; --more) bytes += char(random());
    one.send(bytes);
    if (k % 2 == 0) one.close();
    bool has_waited = false;
    loop_.after(2ms, [&] { has_waited = true; });
    EXPECT_TRUE(until([&] { return has_waited; }));
  }
  strangers.clear();
  EXPECT_TRUE(until([&] {  // those that came as far as a run are gone
    return std::ranges::count_if(notices_, [](const std::string& one) {
             return one.starts_with("a run ");
           }) == std::ranges::count_if(notices_, [](const std::string& one) {
             return one.starts_with("the run ");
           });
  }));
  const auto link = link_to(port);
  EXPECT_EQ(why_not(), "it was taken");
}

// Whoever has the token, and says what no run says.
TEST_F(AgentTest, a_run_that_breaks_the_rules_is_told_and_sent_away) {
  const auto port = open_agent("sleep 100");
  const std::vector<std::vector<std::string>> all = {
      {"tell"},
      {"pong 1 1"},
      {"data 0 x"},
      {"file 3 /../../etc/passwd"},
      {"file 3 /a", "data 0 abcd"},
      {"file 3 /a", "worker 0"},
      {"file 99999999999 /a"},
      {"worker 0", "worker 0"},
      {"worker 1001"},
      {std::string(1000, '\xff')},
  };
  for (const auto& messages : all) {
    std::unique_ptr<net::WebSocket> socket;
    std::string refusal;
    bool has_ended = false;
    client_.dial({.url = "ws://127.0.0.1:" + std::to_string(port) + "/agent"},
                 [&](Expected<std::unique_ptr<net::WebSocket>> dialled) {
                   ASSERT_TRUE(dialled) << dialled.error().what;
                   socket = std::move(*dialled);
                   socket->start({.message =
                                      [&](wire::WebSocketKind, std::string_view message) {
                                        const auto word = agent_word(message);
                                        if (word && word->verb == AgentVerb::refused)
                                          refusal = word->rest;
                                      },
                                  .ended = [&](const net::WebSocketEnd&) { has_ended = true; }});
                   for (const std::string& message : messages)
                     socket->send(wire::WebSocketKind::binary, message);
                 });
    EXPECT_TRUE(until([&] { return has_ended; })) << messages[0];
    EXPECT_NE(refusal, "") << messages[0];
    EXPECT_NE(refusal, "another run is under way.") << messages[0];
    EXPECT_TRUE(until([&] { return notices_.size() % 2 == 0; })) << "it has not ended there";
  }
}

TEST_F(AgentTest, a_server_that_is_no_agent_is_named) {
  net::HttpServer other(loop_, [](const net::HttpRequest&, net::HttpReply reply) {
    reply.send({.status = 200, .body = "{}"});
  });
  const auto port = other.listen("127.0.0.1", 0);
  ASSERT_TRUE(port);
  const auto link = link_to(*port);
  EXPECT_NE(why_not().find("agent bees-1: ws://127.0.0.1:"), std::string::npos) << why_not();
}

}  // namespace
}  // namespace utakata::load
