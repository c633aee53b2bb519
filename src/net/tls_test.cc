#include "net/tls.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.h"
#include "net/loopback_client.h"
#include "net/tls_test_files.h"

namespace utakata::net {
namespace {

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, SSL_SESSION* ticket = nullptr)
      : tcp_(port),
        context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
        ssl_(SSL_new(context_.get()), &SSL_free) {
    if (ticket) SSL_set_session(ssl_.get(), ticket);
    SSL_set_fd(ssl_.get(), tcp_.descriptor());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool is_connected() const { return connected_; }
  std::string common_name() const {
    const std::unique_ptr<X509, void (*)(X509*)> x(SSL_get1_peer_certificate(ssl_.get()),
                                                   &X509_free);
    std::array<char, 64> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(x.get()), NID_commonName, name.data(),
                              int(name.size()));
    return name.data();
  }
  void send(std::string_view bytes) { SSL_write(ssl_.get(), bytes.data(), int(bytes.size())); }
  bool was_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  // As a browser does when it comes back: with the ticket it was given. That came with what was
  // read.
  SSL_SESSION* ticket() const { return SSL_get0_session(ssl_.get()); }
  std::string rest() {
    std::string all;
    std::array<char, 20000> buffer;
    for (int got = 0; (got = SSL_read(ssl_.get(), buffer.data(), int(buffer.size()))) > 0;)
      all.append(buffer.data(), std::size_t(got));
    return all;
  }

 private:
  LoopbackClient tcp_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  bool connected_ = false;
};

class Served {
 public:
  explicit Served(const TlsTestFiles& files, HttpLimits limits = {})
      : server_(
            std::in_place, loop_,
            [](const HttpRequest& q, HttpReply reply) {
              std::string body(q.body);
              if (q.path == "/tls") body = q.is_tls ? "tls" : "clear";
              if (q.path == "/big") body = std::string(5'000'000, 'b');
              reply.send({.content_type = "text/plain", .body = body});
            },
            limits) {
    server_->on_notice([this](const std::string& sentence) {
      const std::lock_guard lock(mutex_);
      notices_.push_back(sentence);
    });
    server_->on_upgrade_tls([](const HttpRequest& q, const TcpPeer&, const Descriptor&,
                               const std::unique_ptr<TlsStream>& tls) {
      tls->send(q.is_tls ? "yours, by TLS: " : "in the clear?");
      tls->send(std::string(100'000, 'u'));
      tls->say_goodbye();
    });
    port = server_->listen_tls("127.0.0.1", 0, files.names()).value();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Served() {
    loop_.stop();
    thread_.join();
    server_.reset();
  }
  std::string wait_for_notice(std::string_view word) {
    for (;;) {
      std::this_thread::yield();
      const std::lock_guard lock(mutex_);
      for (const auto& notice : notices_)
        if (notice.find(word) != notice.npos) return notice;
    }
  }
  std::uint16_t port = 0;

 private:
  Loop loop_;
  std::mutex mutex_;
  std::vector<std::string> notices_;
  std::optional<HttpServer> server_;
  std::thread thread_;
};

std::string request(std::string_view path, std::string_view body = {}) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", path,
      body.size(), body);
}

TEST(Tls, requests_small_and_large_then_answered) {
  const TlsTestFiles files;
  Served served(files);
  TlsClient small(served.port), large(served.port), upload(served.port);
  small.send(request("/tls"));
  EXPECT_EQ(body_of(small.rest()), "tls");
  large.send(request("/big"));
  EXPECT_EQ(body_of(large.rest()).size(), 5'000'000u);
  const std::string much(900'000, 'u');
  upload.send(request("/echo", much));
  EXPECT_EQ(body_of(upload.rest()), much);
}

TEST(Tls, an_upgrade_then_the_socket_goes_with_its_session) {
  const TlsTestFiles files;
  Served served(files);
  TlsClient client(served.port);
  client.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_EQ(client.rest(), "yours, by TLS: " + std::string(100'000, 'u'));
}

TEST(Tls, who_comes_back_with_its_ticket_then_spared_the_whole_handshake) {
  const TlsTestFiles files;
  Served served(files);
  TlsClient first(served.port);
  first.send(request("/tls"));
  EXPECT_EQ(body_of(first.rest()), "tls");
  EXPECT_FALSE(first.was_resumed());
  TlsClient again(served.port, first.ticket());
  EXPECT_TRUE(again.was_resumed());
  again.send(request("/tls"));
  EXPECT_EQ(body_of(again.rest()), "tls");
}

TEST(Tls, the_certificate_is_replaced_then_new_connections_get_it_and_open_ones_go_on) {
  TlsTestFiles files;
  Served served(files);
  TlsClient before(served.port);
  EXPECT_EQ(before.common_name(), "first");
  files.write("second");
  served.wait_for_notice("read anew");
  EXPECT_EQ(TlsClient(served.port).common_name(), "second");
  before.send(request("/echo", "still here"));
  EXPECT_EQ(body_of(before.rest()), "still here");
}

TEST(Tls, the_new_certificate_is_bad_then_the_old_one_stays_and_it_is_said) {
  TlsTestFiles files;
  Served served(files);
  files.spoil();
  EXPECT_NE(served.wait_for_notice("the old one stays").find("certificate.pem"), std::string::npos);
  EXPECT_EQ(TlsClient(served.port).common_name(), "first");
}

TEST(Tls, plain_text_or_half_a_handshake_then_cut) {
  const TlsTestFiles files;
  Served served(files, {.header_time = 40ms});
  const auto rest = LoopbackClient(served.port).send("GET / HTTP/1.1\r\n\r\n").rest();
  EXPECT_EQ(rest.find("HTTP"), rest.npos);
  EXPECT_EQ(LoopbackClient(served.port).send("\x16\x03\x01").rest(), "");
  EXPECT_EQ(LoopbackClient(served.port).rest(), "") << "no handshake at all";
}

TEST(Tls, no_such_file_then_a_problem_that_names_it) {
  Loop loop;
  HttpServer server(loop, {});
  const auto port = server.listen_tls("127.0.0.1", 0, {"/nowhere/c.pem", "/nowhere/k.pem"});
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().kind, Problem::Kind::invalid);
  EXPECT_NE(port.error().what.find("/nowhere/c.pem"), std::string::npos) << port.error().what;
}

// Dials, and asks; the answer, or why there is none.
std::string asks(const TlsTrust& trust, std::uint16_t port, const std::string& host) {
  const auto dialler = TlsDialler::open(trust);
  if (!dialler) return dialler.error().what;
  const LoopbackClient tcp(port);  // blocking: each call is done when it returns
  const auto tls = (*dialler)->dial(tcp.descriptor(), host);
  if (tls->handshake().how != Moved::How::bytes) return tls->failure();
  tls->send(request("/big"));
  std::string answer;
  std::array<char, 20000> buffer;
  for (Moved moved = tls->receive(buffer); moved.how == Moved::How::bytes;
       moved = tls->receive(buffer))
    answer.append(buffer.data(), moved.bytes);
  return std::to_string(body_of(answer).size());
}

TEST(Tls, who_dials_believes_those_it_was_told_to_if_they_have_the_name) {
  const TlsTestFiles files;
  Served served(files);
  const std::string ours = files.names().certificate;
  EXPECT_EQ(asks({.ca_file = ours}, served.port, "first"), "5000000");
  EXPECT_EQ(asks({.ca_file = ours}, served.port, "second"), "hostname mismatch");
  EXPECT_EQ(asks({.ca_file = ours}, served.port, "127.0.0.1"), "IP address mismatch");
  EXPECT_EQ(asks({}, served.port, "first"), "self-signed certificate");
  EXPECT_EQ(asks({.is_insecure = true}, served.port, "second"), "5000000");
  EXPECT_NE(asks({.ca_file = "/no/such/file.pem"}, served.port, "first").find("/no/such/file.pem"),
            std::string::npos);
}

TEST(Tls, what_is_dialled_speaks_no_tls_then_the_reason_is_told) {
  Loop loop;
  HttpServer server(loop, [](const HttpRequest&, HttpReply reply) { reply.send({}); });
  const auto port = server.listen("127.0.0.1", 0).value();
  std::thread thread([&] { loop.run(); });
  EXPECT_EQ(asks({.is_insecure = true}, port, "first"), "wrong version number");
  loop.stop();
  thread.join();
}

}  // namespace
}  // namespace utakata::net
