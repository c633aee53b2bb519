// WebSockets over TLS: the client's own dialling, to a server whose HTTP side hands them over.
#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/tls_test_files.h"
#include "net/websocket.h"
#include "net/websocket_client.h"
#include "wire/websocket_handshake.h"

namespace utakata::net {
namespace {

using wire::WebSocketKind;
constexpr std::size_t much = 64 * 1024 * 1024;

class WebSocketTlsTest : public testing::Test {
 protected:
  WebSocketTlsTest() {
    files_.write("localhost");
    server_.on_upgrade_tls([this](const HttpRequest& request, const TcpPeer&, Descriptor socket,
                                  std::unique_ptr<TlsStream> tls) {
      asked_ = std::string(request.path) + " " + std::string(request.header("x-ticket"));
      tls->send(wire::websocket_answer(request.header("sec-websocket-key")));
      accepted_ = std::make_unique<WebSocket>(loop_, std::move(socket), wire::WebSocketRole::server,
                                              settings_, std::string{}, nullptr, std::move(tls));
    });
    port_ = server_.listen_tls("127.0.0.1", 0, files_.names()).value();
  }
  Expected<std::unique_ptr<WebSocket>> dial(const TlsDialler* trust,
                                            const std::string& host = "localhost") {
    std::optional<Expected<std::unique_ptr<WebSocket>>> result;
    client_.dial({.url = "wss://" + host + ":" + std::to_string(port_) + "/peer?ticket=1",
                  .headers = "X-Ticket: t1\r\n",
                  .settings = settings_,
                  .trust = trust},
                 [&](Expected<std::unique_ptr<WebSocket>> got) {
                   result = std::move(got);
                   loop_.stop();
                 });
    loop_.run();
    return std::move(*result);
  }
  std::unique_ptr<TlsDialler> trust() {
    return TlsDialler::open({.ca_file = files_.names().certificate}).value();
  }

  Loop loop_;
  TlsTestFiles files_;
  const WebSocketSettings settings_{.message_bytes = much, .backlog_bytes = much};
  HttpServer server_{loop_, [](const HttpRequest&, HttpReply) {}};
  WebSocketClient client_{loop_};
  std::uint16_t port_ = 0;
  std::string asked_;
  std::unique_ptr<WebSocket> accepted_;
};

TEST_F(WebSocketTlsTest, messages_greater_than_any_socket_holds_go_both_ways_and_a_close_is_clean) {
  const auto trusted = trust();
  auto dialled = dial(trusted.get());
  ASSERT_TRUE(dialled) << dialled.error().what;
  EXPECT_EQ(asked_, "/peer t1");
  accepted_->start({.message = [&](WebSocketKind kind,
                                   std::string_view payload) { accepted_->send(kind, payload); },
                    .ended = {}});
  std::vector<std::string> heard;
  std::optional<WebSocketEnd> end;
  (*dialled)->start({.message =
                         [&](WebSocketKind, std::string_view payload) {
                           heard.emplace_back(payload);
                           if (heard.size() == 3) (*dialled)->close(4001, "over");
                         },
                     .ended =
                         [&](const WebSocketEnd& told) {
                           end = told;
                           loop_.stop();
                         }});
  const std::string big(20'000'000, 'b');
  EXPECT_TRUE((*dialled)->send(WebSocketKind::binary, "one"));
  EXPECT_TRUE((*dialled)->send(WebSocketKind::binary, big));
  EXPECT_TRUE((*dialled)->send(WebSocketKind::binary, "three"));
  loop_.run();
  EXPECT_EQ(heard, (std::vector<std::string>{"one", big, "three"}));
  EXPECT_EQ(end->code, 4001);
  EXPECT_TRUE(end->is_clean);
}

TEST_F(WebSocketTlsTest,
       a_certificate_of_a_stranger_or_of_another_host_is_refused_with_the_reason) {
  const auto refused = [&](const TlsDialler* trusted, const std::string& host) {
    const auto dialled = dial(trusted, host);
    EXPECT_FALSE(dialled);
    return dialled ? Problem{} : dialled.error();
  };
  const TlsTestFiles others;
  const auto of_others = TlsDialler::open({.ca_file = others.names().certificate}).value();
  const auto stranger = refused(of_others.get(), "localhost");
  EXPECT_EQ(stranger.kind, Problem::Kind::refused);
  EXPECT_NE(stranger.what.find("tls: self-signed certificate"), std::string::npos) << stranger.what;
  EXPECT_EQ(stranger.what.find("ticket"), std::string::npos);
  const auto trusted = trust();
  EXPECT_NE(refused(trusted.get(), "127.0.0.1").what.find("tls: IP address mismatch"),
            std::string::npos);
  EXPECT_EQ(refused(nullptr, "localhost").kind, Problem::Kind::invalid);
  EXPECT_EQ(asked_, "");
}

TEST_F(WebSocketTlsTest, a_connection_that_is_cut_is_heard_by_the_other_end) {
  const auto trusted = trust();
  auto dialled = dial(trusted.get());
  ASSERT_TRUE(dialled) << dialled.error().what;
  std::optional<WebSocketEnd> end;
  (*dialled)->start({.message = {}, .ended = [&](const WebSocketEnd& told) {
                       end = told;
                       loop_.stop();
                     }});
  accepted_.reset();
  loop_.run();
  EXPECT_EQ(end->code, wire::websocket_code::cut);
  EXPECT_FALSE(end->is_clean);
}

}  // namespace
}  // namespace utakata::net
