// What a call takes from files: a body, and whom to trust.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "net/curl/http_client.h"
#include "net/http_server.h"
#include "net/tls_test_files.h"

namespace utakata::net {
namespace {

class HttpFiles : public testing::Test {
 protected:
  Expected<HttpResult> ask(HttpCall call, const std::function<void()>& under_way = {}) {
    std::optional<Expected<HttpResult>> result;
    client.call(std::move(call), [&](Expected<HttpResult> got) {
      result = std::move(got);
      loop.stop();
    });
    if (under_way) under_way();
    loop.run();
    return std::move(*result);
  }

  Loop loop;
  HttpClient client{loop, 64};
  std::string body;  // of the last request
  HttpServer server{loop, [this](const HttpRequest& request, HttpReply reply) {
                      body = request.body;
                      reply.send({.body = "{}"});
                    }};
};

TEST_F(HttpFiles, a_file_is_sent_as_the_body_even_if_it_is_unlinked_at_once) {
  const auto url = "http://127.0.0.1:" + std::to_string(server.listen("127.0.0.1", 0).value());
  const std::string sent = std::string(700'000, 'b') + "end";
  const auto path =
      std::filesystem::temp_directory_path() / ("utakata-body-" + std::to_string(getpid()));
  std::ofstream(path) << sent;
  const auto result = ask({.method = "POST", .url = url, .body_file = path},
                          [&] { std::filesystem::remove(path); });
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(body, sent);
  ASSERT_TRUE(ask({.method = "POST", .url = url, .body = "text"}));
  EXPECT_EQ(body, "text") << "the same handle, with another kind of body";
  const auto failed = ask({.method = "POST", .url = url, .body_file = "/nowhere"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, Problem::Kind::invalid);
  EXPECT_NE(failed.error().what.find("/nowhere cannot be sent: No such file"), std::string::npos);
}

TEST_F(HttpFiles, who_is_trusted_is_asked_anew_with_each_call) {
  TlsTestFiles files;
  files.write("localhost");
  const auto port = server.listen_tls("127.0.0.1", 0, files.names()).value();
  const auto url = "https://localhost:" + std::to_string(port);
  const auto fails = [&](const HttpCall& call, Problem::Kind kind, const char* words) {
    const auto result = ask(call);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, kind) << result.error().what;
    EXPECT_NE(result.error().what.find(words), std::string::npos) << result.error().what;
  };
  const auto refused = [&](const HttpCall& call) {
    fails(call, Problem::Kind::refused, "TLS failed");
  };
  const auto useless = [&](const HttpCall& call) {
    fails(call, Problem::Kind::invalid, "a TLS file cannot be used");
  };
  refused({.url = url});
  for (int turn = 0; turn < 2; ++turn) {
    const auto result = ask({.url = url, .ca_file = files.names().certificate});
    EXPECT_TRUE(result) << result.error().what;
    refused({.url = url});
  }
  useless({.url = url, .ca_file = "/nowhere.pem"});
  useless({.url = url,
           .ca_file = files.names().certificate,
           .certificate_file = "/nowhere.pem",
           .key_file = "/nowhere.key"});
}

}  // namespace
}  // namespace utakata::net
