#include "wire/websocket_handshake.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata::wire {
namespace {

constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3

TEST(WebSocketHandshake, example_of_rfc_6455_section_1_3) {
  EXPECT_EQ(websocket_accept(key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  std::array<std::uint8_t, 16> nonce;
  std::copy_n("the sample nonce", 16, nonce.begin());
  EXPECT_EQ(websocket_key(nonce), key);
}

// 0: accepted.
int status_for(std::string_view request) {
  struct Sink : Http1Sink {
    int status = -1;
    bool on_request(const Http1Request& request) override {
      const auto refusal = websocket_refusal(request);
      status = refusal ? refusal->status : 0;
      return true;
    }
    void on_refused(const Http1Refusal& refusal) override { status = refusal.status; }
  } sink;
  Http1Parser parser({});
  parser.feed(request, sink);
  return sink.status;
}

TEST(WebSocketHandshake, requests_4_2_1_then_upgraded_or_refused) {
  const std::string good = websocket_request("h:1", "/chat?x=1", key, "Origin: http://h\r\n");
  EXPECT_EQ(status_for(good), 0);
  const auto changed = [&](std::string_view from, std::string_view to) {
    auto text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_EQ(status_for(changed("Connection: Upgrade", "Connection: keep-alive, upgrade")), 0);
  EXPECT_EQ(status_for(changed("Upgrade: websocket", "Upgrade: WebSocket")), 0);
  EXPECT_EQ(status_for(changed("Upgrade: websocket", "Upgrade: h2c")), 426);
  EXPECT_EQ(status_for(changed("Upgrade: websocket\r\n", "")), 426);
  EXPECT_EQ(status_for(changed("Connection: Upgrade", "Connection: close")), 426);
  EXPECT_EQ(status_for(changed("GET", "POST")), 405);
  EXPECT_EQ(status_for(changed("HTTP/1.1", "HTTP/1.0")), 426);
  EXPECT_EQ(status_for(changed("Version: 13", "Version: 8")), 426);
  EXPECT_EQ(status_for(changed("Sec-WebSocket-Version: 13\r\n", "")), 426);
  EXPECT_EQ(status_for(changed(key, "short")), 400);
  EXPECT_EQ(status_for(changed(key, "dGhlIHNhbXBsZSBub25jZQ=!")), 400);
  EXPECT_EQ(status_for(changed("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx")), 400);
}

TEST(WebSocketHandshake, answer_in_any_pieces_then_its_length) {
  const auto answer = websocket_answer(key, "chat");
  const auto bytes = answer + "\x81\x05Hello";
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto read = read_websocket_answer(std::string_view(bytes).substr(0, size), key);
    ASSERT_TRUE(read) << read.error().what;
    if (size < answer.size())
      EXPECT_FALSE(*read) << size;
    else
      EXPECT_EQ(*read, answer.size()) << size;
  }
}

TEST(WebSocketHandshake, answers_4_1_that_are_not_an_upgrade_then_refused) {
  const auto good = websocket_answer(key);
  const auto changed = [&](std::string_view from, std::string_view to) {
    auto text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::string bad[]{
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 404 Not Found\r\n\r\n",
      "SSH-2.0-OpenSSH\r\n",
      "H2",
      "HTTP/1.1 abc\r\n\r\n",
      changed("HTTP/1.1", "HTTP/1.0"),
      changed("Upgrade: websocket", "Upgrade: h2c"),
      changed("Connection: Upgrade", "Connection: close"),
      changed("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "t3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
      changed("Sec-WebSocket-Accept", "X-Accept"),
      changed("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
      changed("\r\n\r\n", "\r\nSec-WebSocket-Extensions:\r\nSec-WebSocket-Extensions: x\r\n\r\n"),
      "HTTP/1.1 101 x\r\n" + std::string(20'000, 'x'),
      "HTTP/1.1 101 x\r\nA: " + std::string(20'000, 'x') + "\r\n\r\n",
  };
  for (const auto& bytes : bad) {
    const auto read = read_websocket_answer(bytes, key);
    ASSERT_FALSE(read) << bytes.substr(0, 80);
    EXPECT_EQ(read.error().kind, Problem::Kind::refused);
  }
  EXPECT_NE(read_websocket_answer(bad[1], key).error().what.find("404"), std::string::npos);
}

TEST(WebSocketHandshake, compression_that_was_offered_then_what_came_of_it) {
  const std::string_view agreed =
      "permessage-deflate; server_no_context_takeover; client_max_window_bits=9";
  const struct {
    std::string lines;
    std::optional<std::string> answer;  // none: refused
  } rows[] = {
      {"", ""},
      {fmt::format("Sec-WebSocket-Extensions: {}\r\n", agreed), std::string(agreed)},
      {"Sec-WebSocket-Extensions: permessage-deflate\r\n", {}},
      {fmt::format("Sec-WebSocket-Extensions: {0}\r\nA: b\r\nSec-WebSocket-Extensions: {0}\r\n",
                   agreed),
       {}},
      {"Sec-WebSocket-Extensions: x\r\n", {}},
  };
  for (const auto& row : rows) {
    auto bytes = websocket_answer(key);
    bytes.insert(bytes.size() - 2, row.lines);
    std::optional<DeflateAgreement> deflate;
    const auto read = read_websocket_answer(bytes, key, &deflate);
    ASSERT_EQ(read.has_value(), row.answer.has_value()) << row.lines;
    if (!read) continue;
    EXPECT_EQ(deflate ? deflate->answer : "", *row.answer);
  }
}

}  // namespace
}  // namespace utakata::wire
