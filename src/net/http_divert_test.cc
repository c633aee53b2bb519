// Connections that go from one server to another, ports that several share, and clients that leave
// before they are answered.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "net/loopback_client.h"

namespace utakata::net {
namespace {

// Two servers of one loop. Each wants to be rid of what is at the other's path, and serves whatever
// reaches it all the same.
class Two {
 public:
  Two() {
    for (int i = 0; i < 2; ++i) {
      auto& server = servers_[i].emplace(loop_, [this, i](const HttpRequest& q, HttpReply reply) {
        serve(i, q, std::move(reply));
      });
      server.on_divert(
          [i](const HttpRequest& q) { return q.path == (i == 0 ? "/second" : "/first"); },
          [this, i](TcpPeer peer, std::string bytes, Descriptor socket) {
            diverted_ = bytes;
            servers_[1 - i]->adopt(std::move(peer), bytes, std::move(socket));
          });
      server.on_upgrade([i](const HttpRequest& q, const TcpPeer&, const Descriptor& socket) {
        tcp_send(socket.get(), fmt::format("{} upgrades {}", i, q.path));
      });
    }
    port = servers_[0]->listen("127.0.0.1", 0).value();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Two() {
    loop_.stop();
    thread_.join();
    held_.clear();
    for (auto& server : servers_) server.reset();
  }
  std::string ask(std::string_view path) const {
    return body_of(
        LoopbackClient(port).send(fmt::format("GET {} HTTP/1.0\r\n\r\n", path)).answer());
  }
  void wait_until(std::string_view path, std::string_view answer) {
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (ask(path) != answer) {
      ASSERT_LT(std::chrono::steady_clock::now(), patience) << path << " never was " << answer;
      std::this_thread::yield();
    }
  }
  std::uint16_t port = 0;

 private:
  void serve(int server, const HttpRequest& request, HttpReply reply) {
    std::string body =
        fmt::format("{} {} {} {}", server, request.method, request.path, request.body);
    if (request.path == "/diverted") body = diverted_;
    if (request.path == "/gone") body = gone_;
    if (request.path == "/held") body = std::to_string(held_.size());
    if (request.path == "/release") held_.erase(held_.begin());
    if (request.path == "/answer") {
      for (auto& one : held_) one.send({.body = "late"});
      held_.clear();
    }
    if (request.path == "/ask_now") ask_on_gone(held_.back(), "asked late");
    if (request.path != "/later" && request.path != "/later_unasked")
      return reply.send({.content_type = "text/plain", .body = body});
    if (request.path == "/later") ask_on_gone(reply, std::string(request.query));
    held_.push_back(std::move(reply));
  }
  void ask_on_gone(HttpReply& reply, const std::string& name) {
    reply.on_gone([this, name] { gone_ += name + "."; });
  }

  Loop loop_;
  std::string diverted_, gone_;
  std::vector<HttpReply> held_;
  std::optional<HttpServer> servers_[2];
  std::thread thread_;
};

std::string get(std::string_view path, std::string_view headers = {}) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n{}\r\n", path, headers);
}
std::string post(std::string_view path, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", path,
                     body.size(), body);
}

TEST(HttpDivert, wanted_elsewhere_then_served_there_and_the_connection_stays_there) {
  Two two;
  LoopbackClient client(two.port);
  EXPECT_EQ(body_of(client.send(post("/here", "a")).answer()), "0 POST /here a");
  EXPECT_EQ(body_of(client.send(post("/second", "b")).answer()), "1 POST /second b");
  EXPECT_EQ(two.ask("/diverted"), post("/second", "b"));
  EXPECT_EQ(body_of(client.send(post("/second", "c")).answer()), "1 POST /second c");
  EXPECT_EQ(body_of(client.send(get("/first")).answer()), "0 GET /first ") << "and back";
  EXPECT_EQ(body_of(client.send(get("/first")).answer()), "0 GET /first ");
}

TEST(HttpDivert, its_body_comes_later_or_all_comes_in_small_pieces_then_nothing_is_lost) {
  Two two;
  const std::string head = "PUT /second HTTP/1.1\r\nHost: a\r\nX-A:  b\r\n";
  for (const auto& [rest, body] : std::vector<std::pair<std::string, std::string>>{
           {"Content-Length: 5\r\n\r\nhello", "hello"},
           {"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"}}) {
    LoopbackClient client(two.port);
    for (const char byte : head + rest) client.send({&byte, 1});
    EXPECT_EQ(body_of(client.answer()), "1 PUT /second " + body);
    LoopbackClient late(two.port);
    const auto head_end = rest.find("\r\n\r\n") + 4;
    late.send(head + rest.substr(0, head_end));
    two.wait_until("/diverted", head + rest.substr(0, head_end));
    EXPECT_EQ(body_of(late.send(rest.substr(head_end)).answer()), "1 PUT /second " + body);
  }
  LoopbackClient careful(two.port);
  careful.send(head + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(careful.answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(body_of(careful.send("ok").answer()), "1 PUT /second ok");
}

TEST(HttpDivert, behind_unanswered_ones_then_these_are_answered_first) {
  Two two;
  LoopbackClient client(two.port);
  client.send(get("/a") + post("/second", "b") + get("/c") + get("/first") + get("/d"));
  for (const auto* want :
       {"0 GET /a ", "1 POST /second b", "1 GET /c ", "0 GET /first ", "0 GET /d "})
    EXPECT_EQ(body_of(client.answer()), want);

  client.send(get("/later_unasked") + get("/second"));
  two.wait_until("/held", "1");
  two.ask("/answer");
  EXPECT_EQ(body_of(client.answer()), "late");
  EXPECT_EQ(body_of(client.answer()), "1 GET /second ");
}

TEST(HttpDivert, it_sends_no_more_then_it_is_answered_there_all_the_same) {
  Two two;
  LoopbackClient client(two.port);
  client.send(get("/later_unasked") + get("/second"));
  client.send_no_more();
  two.wait_until("/held", "1");
  two.ask("/answer");
  EXPECT_EQ(body_of(client.answer()), "late");
  EXPECT_EQ(body_of(client.rest()), "1 GET /second ");
}

TEST(HttpDivert, an_upgrade_then_taken_there) {
  Two two;
  const auto upgrade = [](std::string_view path) {
    return get(path,
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  };
  EXPECT_EQ(LoopbackClient(two.port).send(upgrade("/second")).rest(), "1 upgrades /second");
  EXPECT_EQ(LoopbackClient(two.port).send(upgrade("/ours")).rest(), "0 upgrades /ours");
}

TEST(HttpDivert, nobody_adopts_it_then_it_is_closed) {
  Loop loop;
  HttpServer server(loop, [](const HttpRequest&, HttpReply reply) { reply.send({}); });
  server.on_divert([](const HttpRequest&) { return true; },
                   [&](const TcpPeer&, const std::string&, const Descriptor&) { loop.stop(); });
  LoopbackClient client(server.listen("127.0.0.1", 0).value());
  client.send(get("/"));
  loop.run();
  EXPECT_EQ(server.connections(), 0u);
  EXPECT_EQ(client.rest(), "");
}

TEST(HttpGone, reset_or_ended_before_the_answer_then_told_once) {
  Two two;
  LoopbackClient reset(two.port), ended(two.port), last(two.port), stays(two.port);
  reset.send(get("/later?reset"));
  two.wait_until("/held", "1");
  const linger at_once{1, 0};
  setsockopt(reset.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  reset.close();
  two.wait_until("/gone", "reset.");
  ended.send(get("/later?one") + get("/later?two"));
  two.wait_until("/held", "3");
  ended.close();
  two.wait_until("/gone", "reset.one.two.");
  last.send(get("/later?last", "Connection: close\r\n"));  // nothing more is read from this one
  stays.send(get("/later?stays"));
  two.wait_until("/held", "5");
  last.close();
  two.wait_until("/gone", "reset.one.two.last.");
  two.ask("/answer");
  EXPECT_EQ(body_of(stays.answer()), "late");
  stays.close();
  EXPECT_EQ(two.ask("/gone"), "reset.one.two.last.");
}

TEST(HttpGone, half_closed_then_told_and_still_answered) {
  Two two;
  LoopbackClient client(two.port);
  client.send(get("/later?half"));
  client.send_no_more();
  two.wait_until("/gone", "half.");
  two.ask("/answer");
  EXPECT_EQ(body_of(client.rest()), "late");
}

TEST(HttpGone, asked_when_it_has_left_then_told_and_asked_before_then_too) {
  Two two;
  LoopbackClient client(two.port);
  client.send(get("/later_unasked"));
  two.wait_until("/held", "1");
  two.ask("/ask_now");
  client.close();
  two.wait_until("/gone", "asked late.");
  two.ask("/ask_now");
  two.wait_until("/gone", "asked late.asked late.");
}

TEST(HttpGone, the_reply_is_dropped_then_nobody_is_told) {
  Two two;
  LoopbackClient client(two.port);
  client.send(get("/later?never"));
  two.wait_until("/held", "1");
  two.ask("/release");
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 500 "));
  client.close();
  LoopbackClient(two.port).send(get("/later?other"));
  two.wait_until("/gone", "other.");
}

TEST(HttpServer, asked_for_its_options_then_the_handler_hears_it) {
  Two two;
  LoopbackClient client(two.port);
  client.send("OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n");
  EXPECT_EQ(body_of(client.answer()), "0 OPTIONS /x ");
}

TEST(HttpServer, who_shares_its_port_then_several_listen_and_others_may_not) {
  Loop loop;
  HttpServer one(loop, {}), two(loop, {}), stranger(loop, {});
  const auto port = one.listen("127.0.0.1", 0, {.shares_port = true}).value();
  EXPECT_GT(port, 0);
  EXPECT_EQ(two.listen("127.0.0.1", port, {.shares_port = true}).value(), port);
  const auto taken = stranger.listen("127.0.0.1", port);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, Problem::Kind::conflict);
  const auto alone = stranger.listen("127.0.0.1", 0).value();
  EXPECT_FALSE(two.listen("127.0.0.1", alone, {.shares_port = true}));
}

}  // namespace
}  // namespace utakata::net
