#include "net/websocket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <thread>

#include "net/websocket_client.h"
#include "net/websocket_server.h"
#include "wire/websocket_handshake.h"

namespace utakata::net {
namespace {

using wire::WebSocketKind;
using Pair =
    std::pair<std::unique_ptr<WebSocket>, std::unique_ptr<WebSocket>>;  // server's, client's

Descriptor loopback_socket(std::uint16_t port, bool listens) {
  Descriptor one(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const auto* bytes = reinterpret_cast<const sockaddr*>(&address);
  const int failed =
      listens ? bind(one.get(), bytes, sizeof address) : connect(one.get(), bytes, sizeof address);
  EXPECT_EQ(failed, 0);
  return one;
}

std::string read_to_end(int socket) {
  std::string all;
  char bytes[4096];
  for (ssize_t got = 0; (got = recv(socket, bytes, sizeof bytes, 0)) > 0;)
    all.append(bytes, std::size_t(got));
  return all;
}

class WebSocketTest : public testing::Test {
 protected:
  std::uint16_t listen(WebSocketServerSettings settings = {}) {
    server_ = std::make_unique<WebSocketServer>(
        loop_,
        WebSocketServer::Calls{
            .admit = [this](const wire::Http1Request& request,
                            const TcpPeer&) { return request.path == "/no" ? 403 : refuse_with_; },
            .opened =
                [this](const wire::Http1Request& request, const TcpPeer& peer,
                       std::unique_ptr<WebSocket> socket) {
                  asked_ = std::string(request.path) + "?" + std::string(request.query) + " " +
                           std::string(request.header("x-ticket"));
                  EXPECT_TRUE(peer.is_loopback);
                  accepted_ = std::move(socket);
                  if (++opened_ == stop_at_) loop_.stop();
                }},
        settings);
    const auto port = server_->listen("127.0.0.1", 0);
    EXPECT_TRUE(port);
    return port.value_or(0);
  }
  std::string url(std::uint16_t port, std::string_view target = "/") const {
    return "ws://127.0.0.1:" + std::to_string(port) + std::string(target);
  }
  Expected<std::unique_ptr<WebSocket>> dial(WebSocketDial dial) {
    std::optional<Expected<std::unique_ptr<WebSocket>>> result;
    client_->dial(std::move(dial), [&](Expected<std::unique_ptr<WebSocket>> got) {
      result = std::move(got);
      loop_.stop();
    });
    EXPECT_FALSE(result) << "done was called inside dial()";
    loop_.run();
    return std::move(*result);
  }
  Problem failure(WebSocketDial one) {
    const auto result = dial(std::move(one));
    if (!result) return result.error();
    ADD_FAILURE() << "it opened";
    return {};
  }
  Pair open(WebSocketSettings server = {}, WebSocketSettings client = {}) {
    const auto port = listen({.connection = server});
    auto dialled =
        dial({.url = url(port, "/game?room=1"), .headers = "X-Ticket: t1\r\n", .settings = client});
    EXPECT_TRUE(dialled) << dialled.error().what;
    return {std::move(accepted_), std::move(*dialled)};
  }
  // Notes the end and stops the loop.
  WebSocket::Calls until_end(std::optional<WebSocketEnd>& end) {
    return {.message = {}, .ended = [&](const WebSocketEnd& told) {
              EXPECT_FALSE(end) << "told twice";
              end = told;
              loop_.stop();
            }};
  }

  Loop loop_;
  std::unique_ptr<WebSocketServer> server_;
  std::unique_ptr<WebSocketClient> client_ = std::make_unique<WebSocketClient>(loop_);
  std::unique_ptr<WebSocket> accepted_;
  std::string asked_;
  int refuse_with_ = 0, opened_ = 0, stop_at_ = -1;
};

TEST_F(WebSocketTest, dialled_then_messages_go_both_ways) {
  auto [server, client] = open();
  EXPECT_EQ(asked_, "/game?room=1 t1");
  server->start({.message = [&](WebSocketKind kind,
                                std::string_view payload) { server->send(kind, payload); },
                 .ended = {}});
  std::vector<std::string> heard;
  client->start({.message =
                     [&](WebSocketKind kind, std::string_view payload) {
                       heard.push_back((kind == WebSocketKind::text ? "text " : "binary ") +
                                       std::string(payload));
                       if (heard.size() == 3) loop_.stop();
                     },
                 .ended = {}});
  const std::string big(900'000, 'b');
  EXPECT_TRUE(client->send(WebSocketKind::text, "h\xc3\xa9"));
  EXPECT_TRUE(client->ping("p"));
  EXPECT_TRUE(client->send(WebSocketKind::binary, big));
  EXPECT_TRUE(client->send(WebSocketKind::text, ""));
  loop_.run();
  EXPECT_EQ(heard, (std::vector<std::string>{"text h\xc3\xa9", "binary " + big, "text "}));
}

TEST_F(WebSocketTest, either_closes_then_both_hear_the_code) {
  for (const bool client_first : {true, false}) {
    auto [server, client] = open();
    std::optional<WebSocketEnd> of_server, of_client;
    int left = 2;
    const auto calls = [&](std::optional<WebSocketEnd>& end) {
      return WebSocket::Calls{.message = {}, .ended = [&](const WebSocketEnd& told) {
                                end = told;
                                if (--left == 0) loop_.stop();
                              }};
    };
    server->start(calls(of_server));
    client->start(calls(of_client));
    (client_first ? client : server)->close(4001, "show is over");
    EXPECT_FALSE((client_first ? client : server)->send(WebSocketKind::text, "late"));
    loop_.run();
    const auto& far = client_first ? of_server : of_client;
    const auto& near = client_first ? of_client : of_server;
    EXPECT_EQ(far->code, 4001);
    EXPECT_EQ(far->reason, "show is over");
    EXPECT_EQ(near->code, 4001);
    EXPECT_TRUE(far->is_clean && near->is_clean);
    EXPECT_FALSE(server->is_open() || client->is_open());
  }
}

TEST_F(WebSocketTest, own_connections_then_those_that_are_open) {
  auto [server, client] = open();
  const auto own = client_->own_connections();
  ASSERT_EQ(own.size(), 1u);
  EXPECT_NE(own[0].ours.port, 0);
  EXPECT_TRUE(url(own[0].theirs.port).starts_with("ws://"));
  client.reset();
  EXPECT_TRUE(client_->own_connections().empty());
  auto again = dial({.url = url(own[0].theirs.port)});
  EXPECT_EQ(client_->own_connections().size(), 1u);
  client_.reset();  // the open one does not mind
  std::optional<WebSocketEnd> end;
  (*again)->start(until_end(end));
  accepted_->start({});
  (*again)->close();
  loop_.run();
  EXPECT_TRUE(end->is_clean);
}

TEST_F(WebSocketTest, what_is_not_a_websocket_url_then_invalid) {
  for (const std::string bad :
       {"", "http://127.0.0.1/", "wss://127.0.0.1/", "ws://", "ws://:80/", "ws://h:0/",
        "ws://h:65536/", "ws://h:8x/", "ws://[::1", "ws://[::1]x/", "ws://me@h/", "ws://h/a b",
        "ws://h/\r\nX: 1", "ws://h/#f"})
    EXPECT_EQ(failure({.url = bad}).kind, Problem::Kind::invalid) << bad;
  EXPECT_EQ(failure({.url = "ws://127.0.0.1:1/", .headers = "no line end"}).kind,
            Problem::Kind::invalid);
  EXPECT_EQ(failure({.url = "ws://127.0.0.1:1/", .headers = "A: 1\nB: 2\r\n"}).kind,
            Problem::Kind::invalid);
}

TEST_F(WebSocketTest, nobody_listens_then_unavailable_and_no_path_is_told) {
  Descriptor unused = loopback_socket(0, true);
  const auto port = local_end(unused.get())->port;
  unused.reset();
  const auto failed = failure({.url = url(port, "/secret?ticket=1")});
  EXPECT_EQ(failed.kind, Problem::Kind::unavailable);
  EXPECT_TRUE(failed.what.starts_with("ws://127.0.0.1:" + std::to_string(port) + ": "))
      << failed.what;
  EXPECT_EQ(failed.what.find("ticket"), failed.what.npos);
  EXPECT_TRUE(client_->own_connections().empty());
}

TEST_F(WebSocketTest, localhost_then_each_of_its_addresses_is_tried) {
  const auto port = listen();
  EXPECT_TRUE(dial({.url = "ws://localhost:" + std::to_string(port)}));
  server_ = nullptr;
  server_ = std::make_unique<WebSocketServer>(
      loop_, WebSocketServer::Calls{.opened = [](auto&, auto&, auto) {}});
  const auto v6 = server_->listen("::1", 0);
  if (!v6) GTEST_SKIP() << "this machine has no IPv6";
  EXPECT_TRUE(dial({.url = "ws://localhost:" + std::to_string(*v6)}));
  EXPECT_TRUE(dial({.url = "ws://[::1]:" + std::to_string(*v6) + "/x"}));
}

TEST_F(WebSocketTest, no_answer_then_timed_out) {
  const Descriptor silent = loopback_socket(0, true);
  ::listen(silent.get(), 8);
  const auto failed = failure({.url = url(local_end(silent.get())->port), .deadline = 30ms});
  EXPECT_EQ(failed.kind, Problem::Kind::timed_out);
  EXPECT_TRUE(client_->own_connections().empty());
}

TEST_F(WebSocketTest, not_admitted_then_refused_with_the_status) {
  const auto failed = failure({.url = url(listen(), "/no")});
  EXPECT_EQ(failed.kind, Problem::Kind::refused);
  EXPECT_NE(failed.what.find("403"), failed.what.npos) << failed.what;
  EXPECT_EQ(opened_, 0);
}

TEST_F(WebSocketTest, cancelled_or_client_gone_then_never_done) {
  const auto port = listen();
  bool was_done = false;
  const auto note = [&](Expected<std::unique_ptr<WebSocket>>) { was_done = true; };
  client_->cancel(client_->dial({.url = url(port)}, note));
  client_->cancel(99);
  client_->dial({.url = url(port)}, note);
  client_->dial({.url = "ws://some-name.invalid/"}, note);
  loop_.after(1ms, [&] { client_.reset(); });
  loop_.after(30ms, [&] { loop_.stop(); });
  // The first may be done before the client goes: then it is heard once, and never after.
  loop_.run();
  client_ = std::make_unique<WebSocketClient>(loop_);
  bool is_gone = false;
  client_->dial({.url = url(port)}, [&](Expected<std::unique_ptr<WebSocket>> got) {
    EXPECT_TRUE(got);
    client_.reset();
    is_gone = true;
    loop_.stop();
  });
  loop_.run();
  EXPECT_TRUE(is_gone);
}

// What comes right behind the 101 in one segment is not lost.
TEST_F(WebSocketTest, frames_behind_the_answer_then_heard_first) {
  const Descriptor listener = loopback_socket(0, true);
  ::listen(listener.get(), 1);
  std::jthread server([&] {
    const Descriptor one(accept(listener.get(), nullptr, nullptr));
    std::string request;
    char byte = 0;
    while (!request.ends_with("\r\n\r\n") && recv(one.get(), &byte, 1, 0) == 1) request += byte;
    const auto key = request.substr(request.find("Sec-WebSocket-Key: ") + 19, 24);
    auto answer = wire::websocket_answer(key) +
                  "\x81\x05"
                  "first\x88\x02\x03\xe9";
    send(one.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    read_to_end(one.get());
  });
  auto client =
      dial({.url = url(local_end(listener.get())->port), .settings = {.close_within = 30ms}});
  ASSERT_TRUE(client) << client.error().what;
  std::string heard;
  std::optional<WebSocketEnd> end;
  auto calls = until_end(end);
  calls.message = [&](WebSocketKind, std::string_view payload) { heard += payload; };
  (*client)->start(std::move(calls));
  loop_.run();
  EXPECT_EQ(heard, "first");
  EXPECT_EQ(end->code, 1001);
  EXPECT_TRUE(end->is_clean);
  client->reset();
}

TEST_F(WebSocketTest, protocol_broken_then_1002_is_sent_and_told) {
  const auto port = listen();
  stop_at_ = 1;
  std::string answered;
  std::jthread peer([&] {
    const Descriptor one = loopback_socket(port, false);
    auto bytes = wire::websocket_request("h", "/", "dGhlIHNhbXBsZSBub25jZQ==");
    send(one.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    char answer[4096];
    EXPECT_GT(recv(one.get(), answer, sizeof answer, 0), 0);
    bytes =
        "\x81\x01"
        "a";  // not masked
    send(one.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    answered = read_to_end(one.get());
  });
  loop_.run();
  std::optional<WebSocketEnd> end;
  accepted_->start(until_end(end));
  loop_.run();
  peer.join();
  EXPECT_EQ(end->code, 1002);
  EXPECT_FALSE(end->is_clean);
  EXPECT_EQ(answered.substr(0, 1), "\x88");
  EXPECT_EQ(answered.substr(2, 2), "\x03\xea");
}

TEST_F(WebSocketTest, requests_that_are_no_handshake_then_an_http_answer) {
  const auto port = listen({.handshake_within = 50ms, .handshakes_max = 2});
  const std::pair<std::string, std::string> cases[]{
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 426 "},
      {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
      {wire::websocket_request("h", "/", "short"), "HTTP/1.1 400 "},
      {wire::websocket_request("h", "/no", "dGhlIHNhbXBsZSBub25jZQ=="), "HTTP/1.1 403 "},
      {wire::websocket_request("h", "/", "dGhlIHNhbXBsZSBub25jZQ==") + "\x81\x80", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", "HTTP/1.1 431 "},
      {"GET / HTT", ""},  // never finished: cut
  };
  std::vector<std::string> answers;
  std::jthread peers([&] {
    for (const auto& [request, status] : cases) {
      const Descriptor one = loopback_socket(port, false);
      send(one.get(), request.data(), request.size(), MSG_NOSIGNAL);
      answers.push_back(read_to_end(one.get()));
    }
    loop_.stop();
  });
  loop_.run();
  peers.join();
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_TRUE(answers[i].starts_with(cases[i].second)) << cases[i].first.substr(0, 99) << "\n"
                                                         << answers[i];
  EXPECT_TRUE(answers.back().empty()) << answers.back();
  EXPECT_EQ(opened_, 0);
}

TEST_F(WebSocketTest, other_end_never_reads_then_cut_at_the_backlog) {
  auto [server, client] = open({.backlog_bytes = 100'000});
  std::optional<WebSocketEnd> end;
  server->start(until_end(end));
  const std::string payload(64 * 1024, 'x');
  int sent = 0;
  while (server->send(WebSocketKind::binary, payload)) ASSERT_LT(++sent, 10'000);
  EXPECT_FALSE(end) << "told inside send()";
  EXPECT_FALSE(server->is_open());
  loop_.run();
  EXPECT_EQ(end->code, 1006);
  EXPECT_EQ(end->reason, "The other end reads too slowly.");
}

TEST_F(WebSocketTest, close_is_not_answered_then_cut_in_time) {
  auto [server, client] = open({.close_within = 20ms});
  std::optional<WebSocketEnd> end;
  server->start(until_end(end));  // the client is not started: it reads nothing
  server->close();
  loop_.run();
  EXPECT_EQ(end->code, 1006);
}

TEST_F(WebSocketTest, other_end_is_silent_then_cut_and_who_answers_pings_is_not) {
  auto [server, client] = open({.ping_every = 20ms});
  auto answering = dial({.url = url(client_->own_connections().at(0).theirs.port)});
  ASSERT_TRUE(answering);
  (*answering)->start({});
  bool was_cut = false;
  accepted_->start({.message = {}, .ended = [&](const WebSocketEnd&) { was_cut = true; }});
  std::optional<WebSocketEnd> end;
  server->start(until_end(end));
  loop_.run();
  EXPECT_EQ(end->reason, "The other end is silent.");
  loop_.after(60ms, [&] { loop_.stop(); });
  loop_.run();
  EXPECT_FALSE(was_cut);
}

// Each turn here takes longer than a ping's period: the pongs lie unread in the socket when the
// next ping is due.
TEST_F(WebSocketTest, we_stand_still_then_who_answers_is_not_cut) {
  const auto port = listen({.connection = {.ping_every = 5ms}});
  std::jthread peer([&] {  // on a loop of its own: it answers late, but within our standstill
    Loop loop;
    loop.every(1ms, [] { std::this_thread::sleep_for(3ms); });
    WebSocketClient client(loop);
    std::unique_ptr<WebSocket> socket;
    client.dial({.url = url(port)}, [&](Expected<std::unique_ptr<WebSocket>> got) {
      socket = std::move(*got);
      socket->start({.message = {}, .ended = [&](const WebSocketEnd&) { loop.stop(); }});
    });
    loop.run();
  });
  stop_at_ = 1;
  loop_.run();
  bool was_cut = false;
  accepted_->start({.message = {}, .ended = [&](const WebSocketEnd&) { was_cut = true; }});
  int turns = 0;
  const Descriptor always_ready(eventfd(1, EFD_CLOEXEC));
  loop_.watch(always_ready.get(), EPOLLIN, [&](std::uint32_t) {
    std::this_thread::sleep_for(10ms);
    if (++turns == 10) loop_.stop();
  });
  loop_.run();
  loop_.unwatch(always_ready.get());
  EXPECT_FALSE(was_cut);
  accepted_.reset();
}

TEST_F(WebSocketTest, other_end_vanishes_then_1006) {
  auto [server, client] = open();
  std::optional<WebSocketEnd> end;
  server->start(until_end(end));
  client.reset();
  loop_.run();
  EXPECT_EQ(end->code, 1006);
  EXPECT_FALSE(end->is_clean);
}

TEST_F(WebSocketTest, ended_before_it_is_started_then_told_at_the_start) {
  auto [server, client] = open({.backlog_bytes = 10});
  while (server->send(WebSocketKind::binary, std::string(1 << 20, 'x'))) {
  }
  std::optional<WebSocketEnd> end;
  server->start(until_end(end));
  loop_.run();
  EXPECT_EQ(end->code, 1006);
}

TEST_F(WebSocketTest, destroyed_inside_a_call_then_nothing_more_is_called) {
  auto [server, client] = open();
  int heard = 0;
  server->start({.message =
                     [&, &socket = server](WebSocketKind, std::string_view) {
                       ++heard;
                       socket.reset();
                       loop_.after(20ms, [&] { loop_.stop(); });
                     },
                 .ended = [&](const WebSocketEnd&) { ADD_FAILURE(); }});
  for (int i = 0; i < 5; ++i) client->send(WebSocketKind::text, "x");
  loop_.run();
  EXPECT_EQ(heard, 1);
}

TEST_F(WebSocketTest, message_above_the_limit_then_1009) {
  auto [server, client] = open({.message_bytes = 1000});
  server->start({});
  std::optional<WebSocketEnd> end;
  client->start(until_end(end));
  client->send(WebSocketKind::text, std::string(1001, 'x'));
  loop_.run();
  EXPECT_EQ(end->code, 1009);
}

}  // namespace
}  // namespace utakata::net
