#include "net/curl/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace utakata::net {
namespace {

struct Action {
  std::string bytes;
  bool close = false;  // after the bytes; otherwise wait for the next request
};

std::string ok(std::string_view body, std::string_view headers = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

sockaddr_in any_loopback_port() {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return any;
}

int listener_of_nobody() {
  const int one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto any = any_loopback_port();
  bind(one, reinterpret_cast<const sockaddr*>(&any), sizeof any);
  return one;
}

// Blocking sockets on threads of its own: nothing of what is tested has a part in it.
class RawServer {
 public:
  using Answer = std::function<Action(const std::string& request)>;

  explicit RawServer(Answer answer, std::string unix_path = {})
      : answer_(std::move(answer)), unix_path_(std::move(unix_path)) {
    if (unix_path_.empty()) {
      listener_ = listener_of_nobody();
      port_ = local_end(listener_)->port;
    } else {
      listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un path{};
      path.sun_family = AF_UNIX;
      std::strncpy(path.sun_path, unix_path_.c_str(), sizeof path.sun_path - 1);
      bind(listener_, reinterpret_cast<sockaddr*>(&path), sizeof path);
    }
    listen(listener_, 512);
    acceptor_ = std::jthread([this] { accept_all(); });
  }

  ~RawServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int one : connections_) shutdown(one, SHUT_RDWR);
    }
    readers_.clear();
    for (const int one : connections_) close(one);
    close(listener_);
    if (!unix_path_.empty()) unlink(unix_path_.c_str());
  }

  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  std::uint16_t port() const { return port_; }
  int accepted() const { return accepted_; }
  std::vector<std::uint16_t> peer_ports() const {
    const std::lock_guard lock(mutex_);
    return peer_ports_;
  }

 private:
  void accept_all() {
    for (;;) {
      sockaddr_storage peer{};
      socklen_t size = sizeof peer;
      const int one = accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC);
      if (one < 0) return;
      const std::lock_guard lock(mutex_);
      if (const auto end = socket_end(reinterpret_cast<sockaddr*>(&peer)))
        peer_ports_.push_back(end->port);
      connections_.push_back(one);
      ++accepted_;
      readers_.emplace_back([this, one] { serve(one); });
    }
  }

  void serve(int one) const {
    std::string unread;
    for (;;) {
      char bytes[4096];
      const ssize_t got = recv(one, bytes, sizeof bytes, 0);
      if (got <= 0) return;
      unread.append(bytes, std::size_t(got));
      const auto head = unread.find("\r\n\r\n");
      if (head == unread.npos) continue;
      const auto length = unread.find("Content-Length: ");
      const std::size_t body =
          length < head ? std::strtoul(unread.c_str() + length + 16, nullptr, 10) : 0;
      if (unread.size() < head + 4 + body) continue;
      const Action action = answer_(unread);
      unread.clear();
      for (std::size_t sent = 0; sent < action.bytes.size();) {
        const auto n =
            send(one, action.bytes.data() + sent, action.bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += std::size_t(n);
      }
      if (action.close) {
        shutdown(one, SHUT_RDWR);
        return;
      }
    }
  }

  Answer answer_;
  std::string unix_path_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::vector<int> connections_;
  std::vector<std::uint16_t> peer_ports_;
  std::vector<std::jthread> readers_;
  std::jthread acceptor_;
};

std::uint16_t port_of_nobody() {
  const int one = listener_of_nobody();
  const auto port = local_end(one)->port;
  close(one);
  return port;
}

class HttpClientTest : public testing::Test {
 protected:
  Expected<HttpResult> ask(HttpCall call) {
    std::optional<Expected<HttpResult>> result;
    client_.call(std::move(call), [&](Expected<HttpResult> got) {
      result = std::move(got);
      loop_.stop();
    });
    EXPECT_FALSE(result) << "done was called inside call()";
    loop_.run();
    return std::move(*result);
  }
  Problem failure(HttpCall call) {
    const auto result = ask(std::move(call));
    if (!result) return result.error();
    ADD_FAILURE() << "answered with status " << result->status;
    return {};
  }

  Loop loop_;
  HttpClient client_{loop_, 64};
};

TEST_F(HttpClientTest, get_then_status_headers_and_body) {
  std::string asked;
  RawServer server([&](const std::string& request) {
    asked = request;
    return Action{ok("{\"connections\": 3}", "X-One:  two \r\n")};
  });
  const auto result = ask({.url = server.url("/stats?x=1"), .headers = {"Accept: text/plain"}});
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->body, "{\"connections\": 3}");
  using Header = std::pair<std::string, std::string>;
  EXPECT_EQ(result->headers, (std::vector{Header{"content-length", "18"}, Header{"x-one", "two"}}));
  EXPECT_TRUE(asked.starts_with("GET /stats?x=1 HTTP/1.1\r\n")) << asked;
  EXPECT_NE(asked.find("Accept: text/plain\r\n"), asked.npos) << asked;
}

TEST_F(HttpClientTest, body_then_its_length_and_no_invented_headers) {
  std::string asked;
  RawServer server([&](const std::string& request) {
    asked = request;
    return Action{ok("")};
  });
  for (const std::string method : {"POST", "PUT", "DELETE"}) {
    const std::string body(3000, 'b');  // libcurl would ask `Expect: 100-continue` above 1 MB only
    ASSERT_TRUE(ask({.method = method, .url = server.url("/drain"), .body = body}));
    EXPECT_TRUE(asked.starts_with(method + " /drain HTTP/1.1\r\n")) << asked;
    EXPECT_TRUE(asked.ends_with("\r\n\r\n" + body)) << asked;
    EXPECT_NE(asked.find("Content-Length: 3000\r\n"), asked.npos) << asked;
    EXPECT_EQ(asked.find("Content-Type"), asked.npos) << asked;
    EXPECT_EQ(asked.find("Expect"), asked.npos) << asked;
  }
  ASSERT_TRUE(ask({.method = "POST", .url = server.url(), .headers = {"Content-type: a/b"}}));
  EXPECT_NE(asked.find("Content-type: a/b\r\n"), asked.npos) << asked;
  EXPECT_NE(asked.find("Content-Length: 0\r\n"), asked.npos) << asked;
  // The handle that carried a body before carries none now.
  ASSERT_TRUE(ask({.url = server.url()}));
  EXPECT_TRUE(asked.starts_with("GET / HTTP/1.1\r\n")) << asked;
  EXPECT_EQ(asked.find("Content-Length"), asked.npos) << asked;
}

TEST_F(HttpClientTest, head_then_no_body_is_waited_for) {
  RawServer server([](const std::string&) {
    return Action{"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"};
  });
  const auto result = ask({.method = "HEAD", .url = server.url()});
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->body, "");
}

TEST_F(HttpClientTest, no_answer_then_timed_out) {
  RawServer server([](const std::string&) { return Action{}; });
  const auto failed = failure({.url = server.url(), .deadline = 40ms});
  EXPECT_EQ(failed.kind, Problem::Kind::timed_out);
  EXPECT_TRUE(failed.retry);
  EXPECT_NE(failed.what.find("no answer within 40ms"), failed.what.npos) << failed.what;
}

// libcurl 7.88 closes such sockets without telling; the next ones get their numbers.
TEST_F(HttpClientTest, connections_never_completed_then_timed_out_and_later_calls_work) {
  const int full = listener_of_nobody();
  const auto port = local_end(full)->port;
  listen(full, 0);
  sockaddr_in address = any_loopback_port();
  address.sin_port = htons(port);
  std::array<int, 4> fillers{};
  for (int& one : fillers) {
    one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    connect(one, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  RawServer server([](const std::string&) { return Action{ok("")}; });
  for (int round = 0; round < 3; ++round) {
    int left = 20;
    for (int i = 0; i < 20; ++i)
      client_.call({.url = "http://127.0.0.1:" + std::to_string(port), .deadline = 30ms},
                   [&](Expected<HttpResult> got) {
                     EXPECT_EQ(got ? Problem::Kind::invalid : got.error().kind,
                               Problem::Kind::timed_out);
                     if (--left == 0) loop_.stop();
                   });
    loop_.run();
    EXPECT_LE(client_.own_connections().size(), 1u);
    EXPECT_TRUE(ask({.url = server.url()}));
  }
  for (const int one : fillers) close(one);
  close(full);
}

TEST_F(HttpClientTest, half_an_answer_then_timed_out) {
  RawServer server([](const std::string&) {
    return Action{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
  });
  EXPECT_EQ(failure({.url = server.url(), .deadline = 40ms}).kind, Problem::Kind::timed_out);
}

TEST_F(HttpClientTest, nobody_listens_then_unavailable) {
  const auto failed = failure({.url = "http://127.0.0.1:" + std::to_string(port_of_nobody())});
  EXPECT_EQ(failed.kind, Problem::Kind::unavailable);
  EXPECT_TRUE(failed.retry);
}

TEST_F(HttpClientTest, connection_breaks_then_unavailable) {
  for (const std::string begun :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}) {
    RawServer server([&](const std::string&) { return Action{begun, true}; });
    EXPECT_EQ(failure({.url = server.url()}).kind, Problem::Kind::unavailable) << begun;
  }
}

TEST_F(HttpClientTest, answer_above_the_limit_then_refused) {
  const std::string big(5001, 'x');
  const std::string chunk = "1389\r\n" + big + "\r\n0\r\n\r\n";
  const std::vector<std::string> answers{
      ok(big),                                                          // a length that is told
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,  // one that is not
      "HTTP/1.1 200 OK\r\n\r\n" + big,
      "HTTP/1.1 200 OK\r\n" +
          [] {
            std::string many;
            for (int i = 0; i < 3000; ++i) many += "X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
            return many;
          }(),
  };
  for (const auto& answer : answers) {
    RawServer server([&](const std::string&) { return Action{answer, true}; });
    const auto failed = failure({.url = server.url(), .answer_bytes_max = 5000});
    EXPECT_EQ(failed.kind, Problem::Kind::refused) << failed.what;
    EXPECT_FALSE(failed.retry);
  }
}

TEST_F(HttpClientTest, answer_as_large_as_the_limit_then_taken) {
  RawServer server([](const std::string&) { return Action{ok(std::string(5000, 'x'))}; });
  const auto result = ask({.url = server.url(), .answer_bytes_max = 5000});
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->body.size(), 5000u);
}

TEST_F(HttpClientTest, answer_is_not_http_then_refused) {
  for (const std::string answer :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/7.1 what\r\n\r\n", "\x16\x03\x01garbage"}) {
    RawServer server([&](const std::string&) { return Action{answer, true}; });
    const auto failed = failure({.url = server.url()});
    EXPECT_EQ(failed.kind, Problem::Kind::refused) << answer << ": " << failed.what;
  }
}

TEST_F(HttpClientTest, what_cannot_be_asked_then_invalid_and_nothing_sent) {
  RawServer server([](const std::string&) { return Action{ok("")}; });
  const HttpCall bad[]{
      {.url = ""},
      {.url = "ftp://127.0.0.1/"},
      {.url = "http://"},
      {.url = "http://127.0.0.1:99999/"},
      {.url = server.url("/a\r\nX-Evil: 1")},
      {.method = "GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\n", .url = server.url()},
      {.url = server.url(), .headers = {"X-Fine: 1", "X-Evil: 1\r\nX-More: 2"}},
      {.url = server.url(), .headers = {"no colon"}},
  };
  for (const auto& call : bad)
    EXPECT_EQ(failure(call).kind, Problem::Kind::invalid) << call.url << " " << call.method;
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(HttpClientTest, failure_then_no_path_or_password_in_the_message) {
  const auto port = std::to_string(port_of_nobody());
  const auto failed = failure({.url = "http://me:pass@127.0.0.1:" + port + "/secret?token=1#x"});
  EXPECT_TRUE(failed.what.starts_with("http://127.0.0.1:" + port + ": ")) << failed.what;
  for (const std::string_view hidden : {"pass", "secret", "token"})
    EXPECT_EQ(failed.what.find(hidden), failed.what.npos) << failed.what;
}

TEST_F(HttpClientTest, redirect_then_it_is_the_answer) {
  RawServer server([](const std::string&) {
    return Action{"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"};
  });
  EXPECT_EQ(ask({.url = server.url()})->status, 302);
}

TEST_F(HttpClientTest, calls_in_turn_then_one_connection_which_is_known_as_ours) {
  RawServer server([](const std::string&) { return Action{ok("")}; });
  EXPECT_TRUE(client_.own_connections().empty());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ask({.url = server.url()}));
  EXPECT_EQ(server.accepted(), 1);
  const auto own = client_.own_connections();
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(own[0].ours.port, server.peer_ports().at(0));
  EXPECT_EQ(own[0].theirs.port, server.port());
  const std::array<std::uint8_t, 16> loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1};
  EXPECT_EQ(own[0].ours.address, loopback);
  EXPECT_EQ(own[0].theirs.address, loopback);
}

TEST_F(HttpClientTest, kept_connection_was_closed_then_a_new_one) {
  RawServer server([](const std::string&) { return Action{ok("fine"), true}; });
  for (int i = 0; i < 3; ++i) {
    const auto result = ask({.url = server.url()});
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_EQ(result->body, "fine");
  }
  EXPECT_EQ(server.accepted(), 3);
  EXPECT_LE(client_.own_connections().size(), 1u);
}

TEST_F(HttpClientTest, many_at_once_then_each_has_its_own_answer) {
  RawServer server([](const std::string& request) {
    return Action{ok(request.substr(0, request.find(" HTTP")))};
  });
  int left = 200;
  for (int i = 0; i < 200; ++i)
    client_.call({.url = server.url("/" + std::to_string(i))}, [&, i](Expected<HttpResult> got) {
      EXPECT_TRUE(got) << got.error().what;
      EXPECT_EQ(got ? got->body : "", "GET /" + std::to_string(i));
      if (--left == 0) loop_.stop();
    });
  loop_.run();
  EXPECT_LE(client_.own_connections().size(), 64u);  // what the client was told to keep
}

TEST_F(HttpClientTest, cancelled_then_never_done_and_its_connection_is_gone) {
  RawServer server([](const std::string& request) {
    return request.starts_with("GET /slow") ? Action{} : Action{ok("")};
  });
  bool was_done = false;
  const auto slow = client_.call({.url = server.url("/slow"), .deadline = 50ms},
                                 [&](Expected<HttpResult>) { was_done = true; });
  const auto bad = client_.call({.url = "ftp://x"}, [&](Expected<HttpResult>) { was_done = true; });
  client_.cancel(bad);
  ASSERT_TRUE(ask({.url = server.url()}));
  client_.cancel(slow);
  client_.cancel(slow);
  client_.cancel(77);
  EXPECT_LE(client_.own_connections().size(), 1u);
  // A later deadline than the cancelled call's has passed: the cancelled one would have been heard.
  failure({.url = server.url("/slow"), .deadline = 90ms});
  EXPECT_FALSE(was_done);
}

TEST_F(HttpClientTest, cancelled_by_another_call_then_never_done) {
  RawServer server([](const std::string&) { return Action{ok("")}; });
  int done = 0;
  std::vector<HttpClient::CallId> calls;
  for (int i = 0; i < 20; ++i)
    calls.push_back(client_.call({.url = server.url()}, [&](Expected<HttpResult>) {
      ++done;
      for (const auto one : calls) client_.cancel(one);
      loop_.after(20ms, [&] { loop_.stop(); });
    }));
  loop_.run();
  EXPECT_EQ(done, 1);
}

TEST_F(HttpClientTest, client_destroyed_inside_done_then_the_others_end_silently) {
  RawServer server([](const std::string&) { return Action{ok("")}; });
  auto client = std::make_unique<HttpClient>(loop_);
  int done = 0;
  for (int i = 0; i < 20; ++i)
    client->call({.url = i == 19 ? "bad" : server.url()}, [&](Expected<HttpResult>) {
      ++done;
      client.reset();
      loop_.after(20ms, [&] { loop_.stop(); });
    });
  loop_.run();
  EXPECT_EQ(done, 1);
}

TEST_F(HttpClientTest, call_made_inside_done_then_it_runs_too) {
  RawServer server([](const std::string&) { return Action{ok("")}; });
  int left = 5;
  std::function<void()> again = [&] {
    client_.call({.url = server.url()}, [&](Expected<HttpResult> got) {
      EXPECT_TRUE(got);
      if (--left == 0) return loop_.stop();
      again();
    });
  };
  again();
  loop_.run();
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(HttpClientTest, unix_socket_then_answered_without_tcp) {
  char folder[] = "/tmp/utakata_http_client_XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  {
    RawServer server([](const std::string&) { return Action{ok("docker")}; },
                     std::string(folder) + "/s");
    const auto result =
        ask({.url = "http://localhost/info", .unix_socket = std::string(folder) + "/s"});
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_EQ(result->body, "docker");
    EXPECT_TRUE(client_.own_connections().empty());
  }
  const auto failed = failure({.url = "http://localhost/", .unix_socket = "/nowhere/s"});
  EXPECT_EQ(failed.kind, Problem::Kind::unavailable);
  EXPECT_TRUE(failed.what.starts_with("unix:/nowhere/s: ")) << failed.what;
  rmdir(folder);
}

TEST_F(HttpClientTest, answer_that_does_not_end_then_handed_on_in_pieces) {
  RawServer server([](const std::string&) {
    return Action{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"};
  });
  std::vector<std::string> pieces;
  HttpCall call{.url = server.url("/events"), .answer_bytes_max = 1};
  call.on_piece = [&](std::string_view piece) {
    pieces.emplace_back(piece);
    if (piece == "one") loop_.stop();
  };
  client_.call(call, [](const auto&) { ADD_FAILURE() << "it does not end"; });
  loop_.run();
  EXPECT_EQ(pieces, (std::vector<std::string>{"", "one"}));
}

TEST_F(HttpClientTest, proxy_in_the_environment_then_loopback_goes_past_it) {
  RawServer server([](const std::string&) { return Action{ok("direct")}; });
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto result = ask({.url = server.url()});
  const auto other = ask({.url = "http://192.0.2.1/"});  // asked of the proxy, which is not there
  unsetenv("http_proxy");
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->body, "direct");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Problem::Kind::unavailable);
}

}  // namespace
}  // namespace utakata::net
