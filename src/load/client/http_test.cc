#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "load/client/http_fixture.h"
#include "load/client/raw_server.h"
#include "net/http_server.h"

namespace utakata::load {
namespace {

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// What a virtual user asks of a server that is well.
class HttpServed : public HttpTest {
 protected:
  HttpServed()
      : server_(loop_, [this](const net::HttpRequest& q, net::HttpReply reply) {
          peers_.insert(std::string(q.peer));
          requests_.push_back(
              fmt::format("{} {}?{} x={}", q.method, q.path, q.query, q.header("x")));
          if (q.path == "/later") return held_.push_back(std::move(reply));
          const std::string body(q.body);
          reply.send({.status = q.path == "/none" ? 404 : 200,
                      .content_type = "text/plain",
                      .headers = "A: 1\r\na: 2\r\n",
                      .body = body.empty() ? "nothing" : body});
        }) {
    use(server_.listen("127.0.0.1", 0).value());
  }
  net::HttpServer server_;
  std::set<std::string> peers_;
  std::vector<std::string> requests_;
  std::vector<net::HttpReply> held_;
};

TEST_F(HttpServed, a_request_then_its_answer_with_head_and_body) {
  const auto got =
      get({.method = "PUT", .target = "/x?y=1", .headers = "X: z\r\n", .body = "hello"});
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.status_text, "OK");
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.head.substr(0, 17), "HTTP/1.1 200 OK\r\n");
  EXPECT_NE(got.head.find("\r\nA: 1\r\na: 2\r\n"), got.head.npos);
  EXPECT_EQ(requests_.at(0), "PUT /x?y=1 x=z");
  EXPECT_EQ(get({.target = "/none"}).status_text, "Not Found");
}

TEST_F(HttpServed, requests_of_one_pool_share_a_connection_those_of_others_do_not) {
  const auto first = get({.pool = 1});
  EXPECT_GT(first.times.connect, 0ns);
  EXPECT_LE(first.times.connect, first.times.sent);
  EXPECT_LE(first.times.sent, first.times.first_byte);
  EXPECT_LE(first.times.first_byte, first.times.whole);
  EXPECT_EQ(get({.method = "POST", .body = "x", .pool = 1}).times.connect, 0ns);
  EXPECT_EQ(get({.method = "HEAD", .pool = 1}).body, "");
  EXPECT_EQ(get({.pool = 1}).times.connect, 0ns);
  EXPECT_EQ(server_.connections(), 1u);
  EXPECT_GT(get({.pool = 2}).times.connect, 0ns);
  EXPECT_GT(get({.pool = 1}, "b").times.connect, 0ns) << "another host at the same address";
  EXPECT_EQ(client_->connections(), 3u);
}

TEST_F(HttpServed, two_at_once_then_two_connections_and_both_are_kept) {
  ask({.target = "/later"});
  EXPECT_EQ(get({}).status, 200);
  held_.at(0).send({.status = 200});
  run_until([&] { return told_ == 2; });
  get({}), get({});
  EXPECT_EQ(client_->connections(), 2u);
  client_->close_pool(7);
  EXPECT_EQ(client_->connections(), 2u) << "those are another pool's";
  client_->close_pool(0);
  EXPECT_EQ(client_->connections(), 0u);
  EXPECT_EQ(get({}).status, 200);
}

TEST_F(HttpServed, a_source_address_is_where_it_comes_from) {
  ASSERT_TRUE(sources_.use("127.0.0.5,127.0.0.6", {}));
  get({.pool = 1});
  EXPECT_EQ(peers_, std::set<std::string>{"127.0.0.5"});
  get({.pool = 2});
  EXPECT_EQ(peers_, (std::set<std::string>{"127.0.0.5", "127.0.0.6"}));
}

TEST_F(HttpServed, where_the_first_address_takes_nobody_the_next_ones_are_tried) {
  addresses_ = {"::1", "127.0.0.1"};
  EXPECT_EQ(get({}).status, 200);
  EXPECT_EQ(client_->connections(), 1u);
  addresses_ = {"127.0.0.1"};
  EXPECT_EQ(get({}).times.connect, 0ns) << "the same host: its connection is kept";
  addresses_ = {"::1"};
  EXPECT_EQ(get({}).times.connect, 0ns);
  const auto got = get({.pool = 1});
  EXPECT_EQ(got.phase, HttpPhase::connect);
  EXPECT_EQ(got.kind, FailureKind::refused) << got.what;
}

TEST_F(HttpServed, its_connections_are_counted_until_they_are_closed) {
  Sources few(8);  // 2 from the kernel's choice, 2 from each further one
  for (const int round : {1, 2}) {
    std::uint32_t told = 0;
    HttpRequests client(loop_, {}, few,
                        {.answered = [&](RequestId, const HttpAnswer&) { ++told; },
                         .failed = [&](RequestId, const HttpFailure&) { ++told; }});
    const auto origin = client.origin({.addresses = addresses(), .host = "a"});
    for (std::uint32_t pool = 0; pool < 3; ++pool)
      client.request({.origin = origin,
                      .pool = pool,
                      .method = "GET",
                      .target = "/",
                      .headers = "Host: a\r\n"});
    run_until([&] { return told == 3; });
    EXPECT_EQ(peers_, (std::set<std::string>{"127.0.0.1", "127.0.0.2"})) << round;
    for (std::uint32_t pool = 0; pool < 3; ++pool) client.close_pool(pool);
  }
}

TEST_F(HttpServed, thousands_at_once_each_hears_its_own_answer) {
  constexpr std::uint32_t users = 200, rounds = 20;
  struct Asked {
    std::uint32_t user;
    std::string body;
  };
  std::map<RequestId, Asked> awaited;
  std::uint32_t asked = 0, wrong = 0;
  const auto next = [&](std::uint32_t user) {
    const std::string body = fmt::format("question {}", asked++);
    awaited[ask({.method = "POST", .body = body, .pool = user})] = {user, body};
  };
  on_told_ = [&](RequestId id) {
    const auto [user, body] = awaited.at(id);
    if (heard_[id].body != body) ++wrong;
    if (asked < users * rounds) next(user);
  };
  for (std::uint32_t user = 0; user < users; ++user) next(user);
  run_until([&] { return told_ == users * rounds; });
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(client_->connections(), users);
  on_told_ = nullptr;
}

TEST_F(HttpServed, aborted_then_nothing_is_told_and_the_connection_is_closed) {
  const auto first = ask({.target = "/later"}), second = ask({.target = "/later"});
  run_until([&] { return held_.size() == 2; });
  client_->abort(first);
  EXPECT_EQ(client_->connections(), 1u);
  held_.at(0).send({}), held_.at(1).send({});
  run_until([&] { return told_ == 1; });
  EXPECT_TRUE(heard_.contains(second));
  const auto dialling = ask({.pool = 5});
  client_->abort(dialling);
  addresses_ = {"255.255.255.255"};
  const auto hopeless = ask({.pool = 5}, "nobody");
  client_->abort(hopeless);
  addresses_ = {"127.0.0.1"};
  EXPECT_EQ(get({}).status, 200);
  EXPECT_EQ(told_, 2u);
}

// Servers that are not well, or odd.
class HttpRaw : public HttpTest {
 protected:
  void serve(RawServer::Say say, const HttpRequests::Limits& limits = {}) {
    server_.emplace(loop_, std::move(say));
    use(server_->port(), limits);
  }
  std::optional<RawServer> server_;
};

TEST_F(HttpRaw, the_request_is_written_as_rfc_9112_has_it) {
  std::vector<std::string> requests;
  serve([&](RawServer::Client& client) {
    requests.push_back(client.request);
    server_->send(client, ok);
  });
  get({.target = "/a?b"});
  get({.method = "POST", .headers = "X: y\r\n", .body = "hi"});
  get({.method = "POST"});
  get({.method = "DELETE"});
  EXPECT_EQ(requests, (std::vector<std::string>{
                          "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n",
                          "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 2\r\n\r\nhi",
                          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                          "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"}));
}

TEST_F(HttpRaw, answers_of_every_form_in_any_chopping_and_kept_where_that_may_be) {
  const struct {
    std::string method;
    std::string_view bytes;
    int status;
    std::string_view body;
    bool is_kept, is_closed = false;
  } table[] = {
      {"GET", ok, 200, "ok", true},
      {"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true},
      {"GET",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
       200, "hello", true},
      {"GET",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 201 "
       "Made\r\nContent-Length: "
       "1\r\n\r\nx",
       201, "x", true},
      {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200, "", true},
      {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
      {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", true},
      {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 200, "hi",
       false},
      {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false},
      {"GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, "", false},
      {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more", 200, "hi", false},
      {"GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", false, true},
  };
  for (const auto& row : table)
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      Random random(seed);
      serve([&](RawServer::Client& client) {
        server_->each_turn([&, left = row.bytes]() mutable {
          const auto size =
              seed == 0 ? left.size() : std::min<std::size_t>(left.size(), 1 + random.below(9));
          server_->send(client, left.substr(0, size));
          left.remove_prefix(size);
          if (left.empty() && row.is_closed) server_->close(client);
          return !left.empty();
        });
      });
      const auto got = get({.method = row.method});
      EXPECT_EQ(got.status, row.status) << row.bytes << " seed " << seed << " " << got.what;
      EXPECT_EQ(got.body, row.body) << row.bytes << " seed " << seed;
      // Of what stands behind an answer only that is seen which comes with it.
      if (seed == 0) {
        EXPECT_EQ(client_->connections(), row.is_kept ? 1u : 0u) << row.bytes;
      }
      client_.reset();
      server_.reset();
    }
}

TEST_F(HttpTest, nobody_listens_then_refused_in_the_phase_connect) {
  std::uint16_t port = 0;
  {
    const RawServer gone(loop_, [](RawServer::Client&) {});
    port = gone.port();
  }
  use(port);
  const auto got = get({});
  EXPECT_EQ(got.phase, HttpPhase::connect);
  EXPECT_EQ(got.kind, FailureKind::refused);
  EXPECT_EQ(got.what, "Connection refused");
  EXPECT_EQ(client_->connections(), 0u);
}

TEST_F(HttpTest, a_full_queue_then_late_in_the_phase_connect) {
  const net::Descriptor full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto at = *net::numeric_address("127.0.0.1", 0);
  ASSERT_EQ(bind(full.get(), at.get(), at.size), 0);
  ASSERT_EQ(listen(full.get(), 0), 0);
  use(net::local_end(full.get())->port);
  std::map<HttpPhase, int> phases;
  on_told_ = [&](RequestId id) { ++phases[heard_[id].phase]; };
  for (int i = 0; i < 6; ++i) ask({.deadline = 100ms});
  run_until([&] { return told_ == 6; });
  EXPECT_GE(phases[HttpPhase::connect], 3);
  EXPECT_EQ(phases[HttpPhase::connect] + phases[HttpPhase::wait], 6);
  EXPECT_EQ(client_->connections(), 0u);
}

TEST_F(HttpRaw, each_failure_is_told_with_its_phase) {
  enum Then { closes, resets, stalls };
  const struct {
    std::string_view said;
    Then then;
    HttpPhase phase;
    std::string_view what;
  } table[] = {
      {"", closes, HttpPhase::wait, "hung up without an answer"},
      {"", resets, HttpPhase::wait, "the connection was reset"},
      {"", stalls, HttpPhase::wait, "it was not done in time"},
      {"HTTP/1.1 200 OK\r\nConte", closes, HttpPhase::receive,
       "hung up in the middle of its answer"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", closes, HttpPhase::receive,
       "hung up in the middle of its answer"},
      {"HTTP/1.1 200 OK\r\n\r\nhe", resets, HttpPhase::receive, "the connection was reset"},
      {"HTTP/1.1 200 OK\r\n\r\nhe", stalls, HttpPhase::receive, "it was not done in time"},
      {"SSH-2.0-OpenSSH_9.2\r\n", stalls, HttpPhase::receive, "the answer is not HTTP"},
      {"HTTP/1.1 2xx OK\r\n\r\n", stalls, HttpPhase::receive, "the answer's header is malformed"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", stalls,
       HttpPhase::receive, "the answer's chunks are malformed"},
  };
  for (const auto& row : table) {
    serve([&](RawServer::Client& client) {
      server_->send(client, row.said);
      if (row.then == closes) server_->close(client);
      if (row.then == resets) server_->reset(client);
    });
    const auto got = get({.deadline = row.then == stalls ? Duration(100ms) : Duration(20s)});
    EXPECT_EQ(got.status, 0) << row.said;
    EXPECT_EQ(got.phase, row.phase) << row.said;
    EXPECT_EQ(got.what, row.what) << row.said;
    EXPECT_EQ(got.is_late, row.then == stalls && got.what == "it was not done in time");
    EXPECT_EQ(client_->connections(), 0u) << row.said;
    client_.reset();
    server_.reset();
  }
}

TEST_F(HttpTest, nobody_reads_what_is_sent_then_late_in_the_phase_send) {
  std::vector<net::Descriptor> held;
  const auto listener =
      net::TcpListener::open(
          loop_, "127.0.0.1", 0,
          {.accepted = [&](net::Descriptor socket,
                           const net::TcpPeer&) { held.push_back(std::move(socket)); }})
          .value();
  use(listener->port());
  const auto got = get({.method = "POST", .body = std::string(30'000'000, 'x'), .deadline = 200ms});
  EXPECT_EQ(got.phase, HttpPhase::send);
  EXPECT_EQ(got.what, "it was not done in time");
}

TEST_F(HttpRaw, a_large_body_goes_out_as_the_socket_takes_it) {
  const std::string body(30'000'000, 'x');
  serve([&](RawServer::Client& client) { server_->send(client, ok); });
  EXPECT_EQ(get({.method = "POST", .body = body}).status, 200);
  EXPECT_TRUE(server_->clients.at(0).request.ends_with(body));
  EXPECT_EQ(get({.method = "POST", .body = "again"}).times.connect, 0ns);
}

TEST_F(HttpTest, an_answer_before_the_request_is_whole_then_told_and_the_connection_is_not_kept) {
  net::Descriptor theirs;
  const auto listener =
      net::TcpListener::open(
          loop_, "127.0.0.1", 0,
          {.accepted =
               [&](net::Descriptor socket, const net::TcpPeer&) {
                 net::tcp_send(socket.get(), "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
                 theirs = std::move(socket);
               }})
          .value();
  use(listener->port());
  const auto got = get({.method = "POST", .body = std::string(30'000'000, 'x')});
  EXPECT_EQ(got.status, 413);
  EXPECT_EQ(got.times.sent, got.times.first_byte);
  EXPECT_EQ(client_->connections(), 0u);
}

TEST_F(HttpRaw, a_kept_connection_that_the_server_ends_is_dropped_and_nobody_is_told) {
  serve([&](RawServer::Client& client) {
    server_->send(client, ok);
    server_->close(client);
  });
  get({});
  run_until([&] { return client_->connections() == 0; });
  EXPECT_EQ(told_, 1u);
  EXPECT_EQ(get({.method = "POST", .body = "x"}).status, 200);
  EXPECT_EQ(server_->clients.size(), 2u);
}

TEST_F(HttpRaw, a_kept_connection_turns_out_to_be_closed_then_what_may_be_repeated_is) {
  for (const std::string method : {"GET", "HEAD", "OPTIONS", "POST", "DELETE"}) {
    serve([&](RawServer::Client& client) {
      if (client.request.starts_with("GET /first")) return server_->send(client, ok);
      if (client.number == 0) return server_->close(client);
      server_->send(client, method == "HEAD" ? ok.substr(0, ok.size() - 2) : ok);
    });
    get({.target = "/first"});
    const auto got = get({.method = method});
    const bool is_idempotent = method != "POST" && method != "DELETE";
    EXPECT_EQ(got.status, is_idempotent ? 200 : 0) << method;
    if (!is_idempotent) {
      EXPECT_EQ(got.phase, HttpPhase::wait) << method;
    } else {
      EXPECT_GT(got.times.connect, 0ns) << method;
    }
    EXPECT_EQ(server_->clients.size(), is_idempotent ? 2u : 1u) << method;
    client_.reset();
    server_.reset();
  }
}

TEST_F(HttpRaw, a_server_that_always_hangs_up_hears_a_request_twice_and_no_more) {
  int heard = 0;
  serve([&](RawServer::Client& client) {
    if (client.request.starts_with("GET /first")) return server_->send(client, ok);
    ++heard;
    server_->close(client);
  });
  get({.target = "/first"});
  EXPECT_EQ(get({}).what, "hung up without an answer");
  EXPECT_EQ(heard, 2);
}

TEST_F(HttpRaw, a_post_does_not_go_where_the_end_has_come_already) {
  serve([&](RawServer::Client& client) {
    server_->send(client, ok);
    server_->close(client);
  });
  std::optional<RequestId> second;
  on_told_ = [&](RequestId) {  // before the end is read
    if (!second) second = ask({.method = "POST", .body = "x"});
  };
  ask({});
  run_until([&] { return told_ == 2; });
  EXPECT_EQ(heard_[*second].status, 200);
  EXPECT_EQ(server_->clients.size(), 2u);
  on_told_ = nullptr;
}

TEST_F(HttpRaw, heads_and_bodies_beyond_the_limits_are_cut) {
  constexpr HttpRequests::Limits limits{.answer = {.header_bytes = 4096, .body_bytes = 1'000'000}};
  const std::string much(50'000, 'x');
  const std::pair<std::string_view, std::string> table[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", much},
      {"HTTP/1.1 200 OK\r\n\r\n", much},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "c350\r\n" + much + "\r\n"},
      {"HTTP/1.1 200 OK\r\nX: ", much},
      {"HTTP/1.1 200 OK\r\n", "X: y\r\n"},
  };
  for (const auto& [head, part] : table) {
    std::size_t sent = 0;
    serve(
        [&](RawServer::Client& client) {
          server_->send(client, head);
          server_->each_turn([&] {
            server_->send(client, part);
            return (sent += part.size()) < 100'000'000 && client.socket;
          });
        },
        limits);
    const auto got = get({});
    EXPECT_EQ(got.phase, HttpPhase::receive);
    EXPECT_NE(got.what.find("too large"), got.what.npos) << head << got.what;
    run_until([&] { return !server_->clients.at(0).socket; });
    EXPECT_LT(sent, 20'000'000u) << head << ": it reads on and on";
    client_.reset();
    server_.reset();
  }
}

TEST_F(HttpRaw, a_connection_that_nobody_uses_for_long_is_closed) {
  serve([&](RawServer::Client& client) { server_->send(client, ok); }, {.idle = 1ms});
  get({});
  run_until([&] { return client_->connections() == 0; });
  EXPECT_EQ(told_, 1u);
}

}  // namespace
}  // namespace utakata::load
