#include "net/tls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.h"
#include "net/loopback_client.h"

namespace utakata::net {
namespace {

// A folder with a self-made certificate and its key, gone with the test.
class Files {
 public:
  Files() {
    std::string name = std::filesystem::temp_directory_path() / "tls_test.XXXXXX";
    folder_ = mkdtemp(name.data());
    write("first");
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  TlsFiles names() const { return {folder_ / "certificate.pem", folder_ / "key.pem", 5ms}; }

  void write(const std::string& common_name) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> x(X509_new(), &X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
    X509_set_pubkey(x.get(), key.get());
    auto* const name = X509_get_subject_name(x.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x.get(), name);
    X509_sign(x.get(), key.get(), EVP_sha256());
    put("key.pem", [&](FILE* f) {
      PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    put("certificate.pem", [&](FILE* f) { PEM_write_X509(f, x.get()); });
  }
  void spoil() {
    put("certificate.pem", [](FILE* f) { std::fputs("not a certificate", f); });
  }

 private:
  void put(const std::string& name,
           auto fill) {  // whole or not at all, as who renews certificates does
    const auto fresh = folder_ / (name + ".new");
    FILE* const file = std::fopen(fresh.c_str(), "w");
    fill(file);
    std::fclose(file);
    std::filesystem::rename(fresh, folder_ / name);
  }
  std::filesystem::path folder_;
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port)
      : tcp_(port),
        context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
        ssl_(SSL_new(context_.get()), &SSL_free) {
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
  explicit Served(const Files& files, HttpLimits limits = {})
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
  const Files files;
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

TEST(Tls, the_certificate_is_replaced_then_new_connections_get_it_and_open_ones_go_on) {
  Files files;
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
  Files files;
  Served served(files);
  files.spoil();
  EXPECT_NE(served.wait_for_notice("the old one stays").find("certificate.pem"), std::string::npos);
  EXPECT_EQ(TlsClient(served.port).common_name(), "first");
}

TEST(Tls, plain_text_or_half_a_handshake_then_cut) {
  const Files files;
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

}  // namespace
}  // namespace utakata::net
