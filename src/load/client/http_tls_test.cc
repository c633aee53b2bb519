#include <gtest/gtest.h>

#include "load/client/http_fixture.h"
#include "load/client/raw_server.h"
#include "net/http_server.h"
#include "net/tls_test_files.h"

namespace utakata::load {
namespace {

class HttpTls : public HttpTest {
 protected:
  HttpTls()
      : server_(loop_,
                [](const net::HttpRequest& q, net::HttpReply reply) {
                  std::string body(q.body);
                  if (body.empty()) body = q.is_tls ? "by TLS" : "in the clear";
                  reply.send({.content_type = "text/plain", .body = body});
                },
                {.body_bytes = 50'000'000}) {
    use(server_.listen_tls("127.0.0.1", 0, files_.names()).value());
    believe({.ca_file = files_.names().certificate});
  }
  void believe(const net::TlsTrust& trust) {
    diallers_.push_back(net::TlsDialler::open(trust).value());
    tls_ = diallers_.back().get();
  }
  const net::TlsTestFiles files_;
  std::vector<std::unique_ptr<net::TlsDialler>> diallers_;
  net::HttpServer server_;
};

TEST_F(HttpTls, one_handshake_for_all_requests_of_a_pool) {
  const auto first = get({}, "first");
  EXPECT_EQ(first.body, "by TLS") << first.what;
  EXPECT_GT(first.times.tls, 0ns);
  EXPECT_LE(first.times.connect + first.times.tls, first.times.sent);
  const auto second = get({.method = "POST", .body = "hello"}, "first");
  EXPECT_EQ(second.body, "hello");
  EXPECT_EQ(second.times.tls, 0ns);
  EXPECT_EQ(client_->connections(), 1u);
}

TEST_F(HttpTls, large_bodies_there_and_back) {
  std::string body(20'000'000, 'x');
  for (std::size_t at = 0; at < body.size(); at += 1000) body[at] = char('a' + at / 1000 % 26);
  for (int round = 0; round < 2; ++round)
    EXPECT_TRUE(get({.method = "POST", .body = body}, "first").body == body);
}

TEST_F(HttpTls, whom_nobody_vouches_for_fails_in_the_phase_tls) {
  EXPECT_EQ(get({}, "second").phase, HttpPhase::tls);
  EXPECT_EQ(get({}, "second").what, "hostname mismatch");
  believe({});
  EXPECT_EQ(get({}, "first").what, "self-signed certificate");
  EXPECT_EQ(client_->connections(), 0u);
  believe({.is_insecure = true});
  EXPECT_EQ(get({}, "second").status, 200);
}

TEST_F(HttpTls, an_end_garbage_and_silence_instead_of_a_handshake) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"", ""},  // an end, or a reset: the kernel's choice
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "wrong version number"},
      {"silence", "it was not done in time"}};
  for (const auto& [said, what] : table) {
    net::Descriptor theirs;
    const auto listener =
        net::TcpListener::open(loop_, "127.0.0.1", 0,
                               {.accepted =
                                    [&](net::Descriptor socket, const net::TcpPeer&) {
                                      if (said.empty()) return;
                                      if (said != "silence") net::tcp_send(socket.get(), said);
                                      theirs = std::move(socket);
                                    }})
            .value();
    use(listener->port());
    const auto got =
        get({.deadline = said == "silence" ? Duration(100ms) : Duration(20s)}, "first");
    EXPECT_EQ(got.phase, HttpPhase::tls) << said;
    EXPECT_TRUE(what.empty() || got.what == what) << got.what;
    EXPECT_EQ(client_->connections(), 0u);
    client_.reset();
  }
}

}  // namespace
}  // namespace utakata::load
