#include "net/http_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "net/loopback_client.h"

namespace utakata::net {
namespace {

// A server whose loop runs on a thread of its own; what is asked is what the path says.
class Served {
 public:
  explicit Served(HttpLimits limits = {})
      : server_(
            std::in_place, loop_,
            [this](const HttpRequest& q, HttpReply r) { serve(q, std::move(r)); }, limits),
        port(server_->listen("127.0.0.1", 0).value()),
        thread_([this] { loop_.run(); }) {}
  ~Served() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
    server_.reset();
  }
  std::string ask(std::string_view path) {
    return body_of(
        LoopbackClient(port).send(fmt::format("GET {} HTTP/1.0\r\n\r\n", path)).answer());
  }
  void wait_for_held(std::size_t n) {  // until `n` requests wait for /release or /end
    wait_for("/held", n);
  }
  // Until `n` others are connected beside who asks.
  void wait_for_others(std::size_t n) { wait_for("/count", n + 1); }

 private:
  void wait_for(std::string_view path, std::size_t n) {
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (ask(path) != std::to_string(n)) {
      ASSERT_LT(std::chrono::steady_clock::now(), patience) << path << " never was " << n;
      std::this_thread::yield();
    }
  }
  void serve(const HttpRequest& request, HttpReply reply) {
    const std::string path(request.path);
    if (path == "/later") return held_.emplace_back(request.query, std::move(reply)), void();
    if (path == "/drop") return;
    if (path == "/stream") {
      reply.begin(200, "text/plain");
      reply.write("one ");
      return held_.emplace_back("two", std::move(reply)), void();
    }
    std::string body(request.body);
    if (path == "/release") release();
    if (path == "/end") body = end_streams();
    if (path == "/flood") body = flood();
    if (path == "/held") body = std::to_string(held_.size());
    if (path == "/count") body = std::to_string(server_->connections());
    if (path == "/big") body = std::string(std::stoul(std::string(request.query)), 'b');
    if (path == "/peer")
      body = fmt::format("{} {} {}", request.peer, request.from_loopback, request.header("X-ONE"));
    reply.send({.status = path == "/none" ? 204 : 200, .content_type = "text/plain", .body = body});
  }
  void release() {  // the last first
    while (!held_.empty()) {
      held_.back().second.send({.content_type = "text/plain", .body = held_.back().first});
      held_.pop_back();
    }
  }
  std::string end_streams() {
    std::string written;
    for (auto& [text, reply] : held_) {
      written += reply.write(text) ? "written" : "gone";
      reply.end();
    }
    held_.clear();
    return written;
  }
  std::string flood() {  // more than the backlog allows
    const std::string much(100'000, 'm');
    std::size_t written = 0;
    while (held_.front().second.write(much)) written += much.size();
    held_.clear();
    return written > 1'000'000 ? "far too much" : "cut";
  }

  Loop loop_;
  std::vector<std::pair<std::string, HttpReply>> held_;
  std::optional<HttpServer> server_;

 public:
  const std::uint16_t port;

 private:
  std::thread thread_;
};

const std::string host = "Host: a\r\n";
std::string get(std::string_view path) {
  return fmt::format("GET {} HTTP/1.1\r\n{}\r\n", path, host);
}
std::string post(std::string_view path, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}", path, host, body.size(),
                     body);
}

TEST(HttpServer, requests_one_after_the_other_then_answered_on_one_connection) {
  Served served;
  LoopbackClient client(served.port);
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.send(post("/echo", fmt::format("body {}", i))).answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"), answer.npos);
    EXPECT_EQ(body_of(answer), fmt::format("body {}", i));
  }
  client.send("GET /peer HTTP/1.1\r\nHost: a\r\nx-one: two\r\n\r\n");
  EXPECT_EQ(body_of(client.answer()), "127.0.0.1 true two");
}

TEST(HttpServer, pipelined_in_one_write_or_in_small_ones_then_answered_in_order) {
  Served served;
  std::string all;
  for (int i = 0; i < 300; ++i) all += post("/echo", std::to_string(i));
  for (const std::size_t piece : {all.size(), std::size_t{7}}) {
    LoopbackClient client(served.port);
    for (std::size_t at = 0; at < all.size(); at += piece) client.send(all.substr(at, piece));
    for (int i = 0; i < 300; ++i) ASSERT_EQ(body_of(client.answer()), std::to_string(i));
  }
}

TEST(HttpServer, answered_later_and_the_last_first_then_still_in_order) {
  Served served;
  LoopbackClient client(served.port);
  client.send(get("/later?a") + get("/later?b") + post("/echo", "c") + get("/later?d"));
  served.wait_for_held(3);
  served.ask("/release");
  for (const auto* want : {"a", "b", "c", "d"}) EXPECT_EQ(body_of(client.answer()), want);
}

TEST(HttpServer, more_pipelined_than_may_wait_then_the_rest_is_read_as_answers_leave) {
  Served served;
  LoopbackClient client(served.port);
  std::string all;
  for (int i = 0; i < 200; ++i) all += get(fmt::format("/later?{}", i));
  client.send(all);
  std::jthread releasing([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) served.ask("/release");
  });
  for (int i = 0; i < 200; ++i) ASSERT_EQ(body_of(client.answer()), std::to_string(i));
}

TEST(HttpServer, big_answers_to_a_client_that_reads_late_then_all_arrive) {
  Served served;
  LoopbackClient client(served.port);
  std::string all;
  for (int i = 0; i < 50; ++i) all += get("/big?1000000") + post("/echo", std::to_string(i));
  client.send(all);
  served.wait_for_others(1);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(body_of(client.answer()).size(), 1'000'000u);
    ASSERT_EQ(body_of(client.answer()), std::to_string(i));
  }
}

TEST(HttpServer, head_and_no_content_then_no_body_follows) {
  Served served;
  LoopbackClient client(served.port);
  client.send("HEAD /big?5 HTTP/1.1\r\nHost: a\r\n\r\n" + get("/none") + post("/echo", "x"));
  EXPECT_NE(client.answer(false).find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 204 No Content\r\n"));
  EXPECT_EQ(body_of(client.answer()), "x");
}

TEST(HttpServer, dropped_unanswered_then_500_and_the_connection_goes_on) {
  Served served;
  LoopbackClient client(served.port);
  const auto answer = client.send(get("/drop") + post("/echo", "x")).answer();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_NE(answer.find("application/problem+json"), answer.npos);
  EXPECT_EQ(body_of(client.answer()), "x");
}

TEST(HttpServer, the_client_leaves_before_its_answer_then_the_reply_goes_nowhere) {
  Served served;
  std::size_t held = 0;
  for (const auto* path : {"/later", "/stream"}) {
    LoopbackClient client(served.port);
    client.send(get(path) + "half a requ");
    served.wait_for_held(++held);
    const linger reset{1, 0};
    setsockopt(client.descriptor(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client.close();
    served.wait_for_others(0);
  }
  EXPECT_EQ(served.ask("/end"), "gonegone");
}

TEST(HttpServer, old_and_closing_clients_then_answered_and_closed) {
  Served served;
  for (const std::string request :
       {"GET /big?3 HTTP/1.0\r\n\r\n",
        "GET /big?3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}) {
    const auto all = LoopbackClient(served.port).send(request + "GET /never").rest();
    EXPECT_NE(all.find("Connection: close\r\n"), all.npos) << all;
    EXPECT_EQ(body_of(all), "bbb");
  }
  LoopbackClient old(served.port);
  for (int i = 0; i < 2; ++i) {
    const auto answer = old.send("GET /big?3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").answer();
    EXPECT_NE(answer.find("Connection: keep-alive\r\n"), answer.npos) << answer;
  }
}

TEST(HttpServer, the_client_sends_no_more_then_it_still_gets_its_answers) {
  Served served;
  LoopbackClient client(served.port);
  client.send(post("/echo", "now") + get("/later?then"));
  client.send_no_more();
  EXPECT_EQ(body_of(client.answer()), "now");
  served.wait_for_held(1);
  served.ask("/release");
  EXPECT_EQ(body_of(client.rest()), "then");
}

TEST(HttpServer, malformed_or_too_large_then_told_as_a_problem_and_closed) {
  Served served({.header_bytes = 500, .body_bytes = 100});
  for (const auto& [request, status] : std::vector<std::pair<std::string, int>>{
           {"\x16\x03\x01\x02", 400},
           {"GET / HTTP/1.1\r\n\r\n", 400},
           {get("/" + std::string(600, 'x')), 431},
           {post("/echo", std::string(101, 'x')), 413},
           {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br\r\n\r\n", 501},
           {"GET / HTTP/3.0\r\n\r\n", 505}}) {
    const auto all = LoopbackClient(served.port).send(request).rest();
    EXPECT_TRUE(all.starts_with(fmt::format("HTTP/1.1 {} ", status))) << all;
    EXPECT_NE(all.find("Content-Type: application/problem+json\r\n"), all.npos);
    EXPECT_NE(all.find("Connection: close\r\n"), all.npos);
    EXPECT_NE(body_of(all).find(fmt::format("\"status\":{}", status)), all.npos);
  }
}

TEST(HttpServer, a_bad_request_behind_good_ones_then_these_are_answered_first) {
  Served served;
  LoopbackClient client(served.port);
  client.send(get("/later?a") + "rubbish\n" + get("/never"));
  served.wait_for_held(1);
  served.ask("/release");
  EXPECT_EQ(body_of(client.answer()), "a");
  EXPECT_TRUE(client.rest().starts_with("HTTP/1.1 400 "));
}

TEST(HttpServer, slow_senders_then_cut_and_told_why) {
  Served served({.header_time = 40ms, .body_time = 40ms});
  EXPECT_TRUE(LoopbackClient(served.port).send("GET / HTT").rest().starts_with("HTTP/1.1 408 "));
  const auto head = "POST / HTTP/1.1\r\n" + host;
  EXPECT_TRUE(LoopbackClient(served.port)
                  .send(head + "Content-Length: 3\r\n\r\nab")
                  .rest()
                  .starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(LoopbackClient(served.port)
                  .send(head + "Transfer-Encoding: chunked\r\n\r\n2\r\na")
                  .rest()
                  .starts_with("HTTP/1.1 408 "));
}

TEST(HttpServer, one_byte_at_a_time_for_ever_then_cut_all_the_same) {
  Served served({.header_time = 40ms});
  LoopbackClient client(served.port);
  client.send("GET /");
  pollfd ready{client.descriptor(), POLLIN, 0};
  while (poll(&ready, 1, 1) == 0) client.send("x");
  EXPECT_TRUE(client.rest().starts_with("HTTP/1.1 408 "));
}

TEST(HttpServer, idle_for_too_long_then_closed_without_a_word) {
  Served served({.idle_time = 40ms});
  EXPECT_EQ(LoopbackClient(served.port).rest(), "");
  LoopbackClient client(served.port);
  EXPECT_EQ(body_of(client.send(post("/echo", "x")).answer()), "x");
  EXPECT_EQ(client.rest(), "");
}

TEST(HttpServer, a_client_that_does_not_read_then_cut) {
  Served served({.body_time = 100ms});
  LoopbackClient client(served.port);
  client.send(get("/big?50000000"));
  pollfd answered{client.descriptor(), POLLIN, 0};
  ASSERT_EQ(poll(&answered, 1, 20'000), 1);  // by now it is connected, and maybe cut
  served.wait_for_others(0);
  EXPECT_LT(client.rest().size(), 50'000'000u);
}

TEST(HttpServer, an_answer_that_goes_on_then_in_chunks_and_for_http_1_0_until_the_end) {
  Served served;
  LoopbackClient client(served.port), old(served.port), head(served.port);
  client.send(get("/stream") + post("/echo", "next"));
  old.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  head.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + post("/echo", "next"));
  client.until("one ");
  old.until("one ");
  head.until("\r\n\r\n");
  EXPECT_EQ(served.ask("/end"), "writtenwrittenwritten");
  EXPECT_EQ(body_of(client.answer()), "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(client.answer()), "next");
  EXPECT_EQ(body_of(old.rest()), "one two");
  EXPECT_NE(head.answer(false).find("chunked"), std::string::npos);
  EXPECT_EQ(body_of(head.answer()), "next");
}

TEST(HttpServer, a_stream_that_nobody_reads_then_cut_at_the_backlog) {
  Served served({.backlog_bytes = 300'000});
  LoopbackClient client(served.port);
  client.send(get("/stream")).until("one ");
  EXPECT_EQ(served.ask("/flood"), "cut");
}

TEST(HttpServer, full_then_the_oldest_idle_one_makes_room) {
  Served served({.connections = 2});
  LoopbackClient oldest(served.port), newer(served.port);
  EXPECT_EQ(body_of(oldest.send(post("/echo", "1")).answer()), "1");
  EXPECT_EQ(body_of(newer.send(post("/echo", "2")).answer()), "2");
  EXPECT_EQ(body_of(LoopbackClient(served.port).send(post("/echo", "3")).answer()), "3");
  EXPECT_EQ(oldest.rest(), "");
}

TEST(HttpServer, full_of_busy_ones_then_the_newcomer_is_closed) {
  Served served({.connections = 2});
  LoopbackClient busy(served.port);
  busy.send(get("/later?x"));
  served.wait_for_held(1);
  LoopbackClient streaming(served.port);
  streaming.send(get("/stream")).until("one ");
  EXPECT_EQ(LoopbackClient(served.port).rest(), "");
}

// Descriptors are a limit of the whole process: the test takes all that are left, its own clients'
// aside.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{256, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    for (int taken = 0; (taken = dup(0)) >= 0;) taken_.emplace_back(taken);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  void give_back() { taken_.clear(); }

 private:
  rlimit before_{};
  std::vector<Descriptor> taken_;
};

int open_sockets() {
  int count = 0;
  std::error_code gone;  // the one that lists them is closed again
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    count += std::filesystem::read_symlink(entry, gone).string().starts_with("socket:");
  return count;
}

TEST(HttpServer, descriptors_run_out_then_the_oldest_idle_one_makes_room) {
  Served served;
  LoopbackClient oldest(served.port), newer(served.port), waits;
  oldest.send(post("/echo", "1")).answer();
  newer.send(post("/echo", "2")).answer();
  const NoDescriptors none;
  waits.connect(served.port);
  EXPECT_EQ(body_of(waits.send(post("/echo", "3")).answer()), "3");
  EXPECT_EQ(oldest.rest(), "");
  EXPECT_EQ(body_of(newer.send(post("/echo", "4")).answer()), "4");
}

TEST(HttpServer, descriptors_run_out_and_none_is_idle_then_accepted_once_there_are_some) {
  Served served;
  LoopbackClient busy(served.port), waits;
  busy.send(get("/later?x"));
  served.wait_for_held(1);
  while (open_sockets() != 4) std::this_thread::yield();  // listener, both ends of `busy`, `waits`
  NoDescriptors none;
  waits.connect(served.port);
  waits.send(post("/echo", "late"));
  pollfd ready{waits.descriptor(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 50), 0) << "nobody can have answered";
  none.give_back();
  EXPECT_EQ(body_of(waits.answer()), "late");
  served.ask("/release");
  EXPECT_EQ(body_of(busy.answer()), "x");
}

TEST(HttpServer, expects_to_be_told_to_continue_then_told) {
  Served served;
  LoopbackClient client(served.port);
  const auto head =
      "PUT /echo HTTP/1.1\r\n" + host + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  client.send(head);
  EXPECT_EQ(client.answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(body_of(client.send("ok").answer()), "ok");
  client.send(get("/later?a") + head);
  served.wait_for_held(1);
  served.ask("/release");
  EXPECT_EQ(body_of(client.answer()), "a");
  EXPECT_EQ(client.answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(body_of(client.send("ok").answer()), "ok");
}

TEST(HttpServer, large_bodies_by_length_or_in_chunks_then_whole) {
  Served served;
  LoopbackClient client(served.port);
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(body_of(client.send(post("/echo", large)).answer()), large);
  std::string chunks = "PUT /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) chunks += "2710\r\n" + std::string(10'000, 'y') + "\r\n";
  EXPECT_EQ(body_of(client.send(chunks + "0\r\n\r\n").answer()), std::string(1'000'000, 'y'));
}

TEST(HttpServer, destroyed_with_open_connections_then_they_end_and_held_replies_are_harmless) {
  Served served;
  LoopbackClient idle(served.port), waits(served.port);
  waits.send(get("/later?x"));
  served.wait_for_held(1);
  served.wait_for_others(2);
  served.stop();
  EXPECT_EQ(idle.rest(), "");
  EXPECT_EQ(waits.rest(), "");
}

TEST(HttpServer, a_port_that_is_taken_or_an_address_that_is_not_ours_then_said_so) {
  Loop loop;
  HttpServer one(loop, {}), two(loop, {});
  const auto port = one.listen("127.0.0.1", 0).value();
  const auto taken = two.listen("127.0.0.1", port);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, Problem::Kind::conflict);
  EXPECT_NE(taken.error().what.find(std::to_string(port)), std::string::npos);
  for (const auto* address : {"192.0.2.1", "300.1.1.1"})
    EXPECT_EQ(two.listen(address, 0).error().kind, Problem::Kind::invalid) << address;
}

// What is told to others first, before any of a turn's answers leaves.
TEST(HttpTogether, answers_of_a_turn_leave_after_what_comes_before_them) {
  Loop loop;
  std::vector<std::string> order;
  bool may_send = true;
  HttpServer server(loop, [&](const HttpRequest& request, HttpReply reply) {
    order.push_back(std::string(request.path));
    reply.send({.body = "answer"});
  });
  server.send_together([&] {
    order.push_back("before");
    return may_send;
  });
  LoopbackClient client(server.listen("127.0.0.1", 0).value());
  const auto turn = [&](std::string_view bytes) {
    client.send(bytes);
    loop.after(50ms, [&] { loop.stop(); });
    loop.run();
  };
  turn("GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(order, (std::vector<std::string>{"/one", "/two", "before"}));
  EXPECT_EQ(body_of(client.answer()), "answer");
  EXPECT_EQ(body_of(client.answer()), "answer");
  may_send = false;
  turn("GET /three HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.answer(), "") << "closed, and not answered";
}

}  // namespace
}  // namespace utakata::net
