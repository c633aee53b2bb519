#include "load/client/websockets.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

#include "load/client/raw_server.h"
#include "net/run_until.h"
#include "wire/websocket_handshake.h"

namespace utakata::load {
namespace {

using namespace std::string_literals;

// What the virtual user was told of one socket.
struct Told {
  bool is_open = false;
  std::string extensions;
  std::vector<std::string> messages;
  std::optional<WebSocketEnd> end;
};

constexpr std::string_view kAgreed = "permessage-deflate; server_no_context_takeover";
const std::string hello = "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s;  // RFC 7692 section 7.2.3.1

class WebSocketsTest : public testing::Test {
 protected:
  void serve(RawServer::Say say, const WebSockets::Limits& limits = {}) {
    client_.reset();
    told_.clear();
    server_.emplace(loop_, std::move(say));
    client_ = std::make_unique<WebSockets>(
        loop_, limits, sources_,
        WebSockets::Calls{
            .opened =
                [this](Slot slot, const WebSocketOpened& opened) {
                  told_[slot].is_open = true;
                  told_[slot].extensions = opened.extensions;
                },
            .message = [this](Slot slot, wire::WebSocketKind,
                              auto payload) { told_[slot].messages.emplace_back(payload); },
            .first_message = [this](Duration since) { first_.push_back(since); },
            .ended = [this](Slot slot, const WebSocketEnd& end) { told_[slot].end = end; }});
  }
  // A server that answers the handshake, and says more behind it.
  void serve_open(const std::string& more, std::string_view extensions = {},
                  const WebSockets::Limits& limits = {}) {
    serve([=, this](RawServer::Client& client) { open(client, more, extensions); }, limits);
  }
  void open(RawServer::Client& client, const std::string& more = {},
            std::string_view extensions = {}) {
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    const auto at = client.request.find(name) + name.size();
    const auto key = client.request.substr(at, client.request.find('\r', at) - at);
    server_->send(client, wire::websocket_answer(key, {}, extensions) + more);
  }
  Slot dial(bool offers_deflate = false, Duration deadline = 20s) {
    std::vector<net::TcpAddress> all;
    for (const auto& one : addresses_) all.push_back(*net::numeric_address(one, server_->port()));
    const Slot slot = client_->dial({.addresses = all,
                                     .host = "a",
                                     .target = "/",
                                     .deadline = deadline,
                                     .offers_deflate = offers_deflate});
    told_.erase(slot);  // of the one before
    return slot;
  }
  void until(const std::function<bool()>& holds) { EXPECT_TRUE(net::run_until(loop_, holds)); }
  WebSocketEnd end_of(Slot slot) {
    until([&] { return told_[slot].end.has_value(); });
    return told_[slot].end.value_or(WebSocketEnd{});
  }
  // What the server has heard since the handshake.
  std::vector<std::string> heard(std::size_t count, wire::Inflater* inflater = nullptr) {
    struct Sink : wire::WebSocketSink {
      std::vector<std::string> events;
      bool note(std::string event) { return events.push_back(std::move(event)), true; }
      bool message(wire::WebSocketKind, std::string_view said) override {
        return note(std::string(said));
      }
      bool ping(std::string_view) override { return note("ping"); }
      bool pong(std::string_view) override { return note("pong"); }
      bool close(std::uint16_t code, std::string_view) override {
        return note(fmt::format("close {}", code));
      }
    } sink;
    until([&] {
      sink.events.clear();
      if (server_->clients.empty()) return false;
      wire::WebSocketParser parser(wire::WebSocketRole::server);
      EXPECT_FALSE(parser.feed(server_->clients.back().kept, sink, inflater));
      return sink.events.size() >= count;
    });
    return sink.events;
  }

  net::Loop loop_;
  Sources sources_;
  std::vector<std::string> addresses_ = {"127.0.0.1"};
  std::optional<RawServer> server_;
  std::unique_ptr<WebSockets> client_;
  std::map<Slot, Told> told_;
  std::vector<Duration> first_;
};

TEST_F(WebSocketsTest, compression_that_both_want_then_both_compress) {
  serve_open(hello, "permessage-deflate; server_no_context_takeover; client_max_window_bits=8");
  const Slot slot = dial(true);
  until([&] { return !told_[slot].messages.empty(); });
  EXPECT_EQ(told_[slot].messages, std::vector<std::string>{"Hello"});
  EXPECT_NE(server_->clients.back().request.find(
                fmt::format("\r\nSec-WebSocket-Extensions: {}\r\n", wire::deflate_offer)),
            std::string::npos);
  EXPECT_EQ(told_[slot].extensions,
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=8");

  const std::string small = "hi", just(256, 'x'), large(257, 'y');
  for (const auto& text : {small, just, large})
    client_->send(slot, wire::WebSocketKind::text, text);
  wire::Inflater inflater;
  EXPECT_EQ(heard(3, &inflater), (std::vector<std::string>{small, just, large}));
  const std::string& bytes = server_->clients.back().kept;
  EXPECT_LT(bytes.size(), 300u);
  EXPECT_GT(bytes.size(), 257u) << "the server keeps 256 bytes only: what is larger could refer to "
                                   "what it has forgotten";
}

TEST_F(WebSocketsTest, compression_that_the_server_does_not_want_then_none) {
  serve_open("\x81\x01z");
  const Slot slot = dial(true);
  until([&] { return !told_[slot].messages.empty(); });
  EXPECT_EQ(told_[slot].extensions, "");
  client_->send(slot, wire::WebSocketKind::text, std::string(300, 'x'));
  EXPECT_EQ(heard(1), std::vector<std::string>{std::string(300, 'x')});
}

TEST_F(WebSocketsTest, extensions_that_were_not_offered_so_then_no_connection) {
  for (const bool offers : {false, true})
    for (const std::string_view answer :
         {"permessage-deflate", "x", "permessage-deflate; server_no_context_takeover, x"}) {
      serve_open("", answer);
      const Slot slot = dial(offers);
      const auto end = end_of(slot);
      EXPECT_EQ(end.phase, Phase::handshake);
      EXPECT_EQ(end.failure, FailureKind::malformed) << answer;
      EXPECT_FALSE(told_[slot].is_open);
    }
  serve_open("", kAgreed);
  EXPECT_EQ(end_of(dial()).phase, Phase::handshake);
  EXPECT_EQ(server_->clients.back().request.find("Extensions"), std::string::npos);
}

TEST_F(WebSocketsTest, a_compressed_message_without_agreement_or_too_large_then_closed_by_code) {
  wire::Deflater deflater;
  const auto bomb = [&](std::size_t size) {
    std::string out;
    wire::append_compressed_message(out, wire::WebSocketKind::text,
                                    *deflater.deflate(std::string(size, 'x')), {});
    return out;
  };
  const struct {
    std::string bytes;
    std::string_view extensions;
    FailureKind failure;
    std::string said;
  } rows[] = {
      {hello, {}, FailureKind::malformed, "close 1002"},
      {bomb(1001), kAgreed, FailureKind::too_big, "close 1009"},
      {bomb(5'000'000), kAgreed, FailureKind::too_big, "close 1009"},
      {"\xc1\x02\xff\xff"s, kAgreed, FailureKind::malformed, "close 1007"},
      {bomb(1000) + "\x88\x02\x03\xe8"s, kAgreed, FailureKind::none, "close 1000"},
  };
  for (const auto& row : rows) {
    serve_open(row.bytes, row.extensions, {.message_bytes = 1000});
    const Slot slot = dial(!row.extensions.empty());
    EXPECT_EQ(heard(1), std::vector<std::string>{row.said});
    server_->close(server_->clients.back());
    const auto end = end_of(slot);
    EXPECT_EQ(end.failure, row.failure) << end.what;
    EXPECT_EQ(end.is_clean, row.failure == FailureKind::none);
    EXPECT_EQ(end.phase, row.failure == FailureKind::none ? Phase::open : Phase::first_message);
  }
}

TEST_F(WebSocketsTest, how_it_fails_is_told_by_phase_and_kind) {
  using Client = RawServer::Client;
  const struct {
    const char* name;
    std::function<void(Client&)> say;
    Phase phase;
    FailureKind failure;
    int status = 0;
    std::uint16_t code = 1006;
  } rows[] = {
      {"a status", [&](Client& c) { server_->send(c, "HTTP/1.1 503 Full\r\n\r\n"); },
       Phase::handshake, FailureKind::status, 503},
      {"garbage", [&](Client& c) { server_->send(c, "hello there\r\n\r\n"); }, Phase::handshake,
       FailureKind::malformed},
      {"another key", [&](Client& c) { server_->send(c, wire::websocket_answer("x")); },
       Phase::handshake, FailureKind::malformed},
      {"hangs up", [&](Client& c) { server_->close(c); }, Phase::handshake, FailureKind::hung_up},
      {"resets", [&](Client& c) { server_->reset(c); }, Phase::handshake, FailureKind::reset},
      {"is silent", [](Client&) {}, Phase::handshake, FailureKind::timed_out},
      {"opens, then hangs up", [&](Client& c) { open(c), server_->close(c); }, Phase::first_message,
       FailureKind::hung_up},
      {"says something, then hangs up", [&](Client& c) { open(c, "\x81\x01z"), server_->close(c); },
       Phase::open, FailureKind::hung_up},
      {"says something, then resets", [&](Client& c) { open(c, "\x81\x01z"), server_->reset(c); },
       Phase::open, FailureKind::reset},
      {"opens, then closes by a code",
       [&](Client& c) { open(c, "\x88\x02\x0f\xa1"s), server_->close(c); }, Phase::first_message,
       FailureKind::none, 0, 4001},
  };
  for (const auto& row : rows) {
    serve(row.say);
    const auto end = end_of(dial(false, row.failure == FailureKind::timed_out ? 1ms : 20s));
    EXPECT_EQ(end.phase, row.phase) << row.name << ": " << end.what;
    EXPECT_EQ(to_text(end.failure), to_text(row.failure)) << row.name << ": " << end.what;
    EXPECT_EQ(end.status, row.status) << row.name;
    EXPECT_EQ(end.code, row.code) << row.name;
  }
  serve([](Client&) {});
  const Slot slot = dial();
  client_->close(slot, 1000, "");
  EXPECT_EQ(end_of(slot).failure, FailureKind::given_up);
}

TEST_F(WebSocketsTest, addresses_are_tried_in_turn_until_one_takes_us) {
  serve_open("");
  addresses_ = {"255.255.255.255", "::1", "127.0.0.1"};
  const Slot slot = dial();
  until([&] { return told_[slot].is_open; });
  addresses_ = {"255.255.255.255", "::1"};
  const auto end = end_of(dial());
  EXPECT_EQ(end.phase, Phase::connect);
  EXPECT_EQ(end.failure, FailureKind::refused) << "the last one's";
  addresses_ = {"::1", "255.255.255.255"};
  EXPECT_EQ(end_of(dial()).failure, FailureKind::unreachable);
}

TEST_F(WebSocketsTest, the_first_message_is_timed_and_no_other) {
  serve_open("\x81\x01z\x81\x01y");
  const Slot slot = dial();
  until([&] { return told_[slot].messages.size() == 2; });
  ASSERT_EQ(first_.size(), 1u);
  EXPECT_GT(first_[0], 0ns);
}

TEST_F(WebSocketsTest, ports_of_those_that_are_gone_are_free_again) {
  Sources few(8);  // 2 from the kernel's choice, 2 from each further one
  std::multiset<std::string> from;
  net::Loop loop;
  std::size_t ended = 0, opened = 0;
  const auto listener = net::TcpListener::open(
      loop, "127.0.0.1", 0,
      {.accepted = [&](auto, const net::TcpPeer& peer) { from.insert(peer.address); }});
  const auto to = *net::numeric_address("127.0.0.1", (*listener)->port());
  WebSockets client(loop, {}, few,
                    {.opened = [&](Slot, const auto&) { ++opened; },
                     .message = [](Slot, auto, auto) {},
                     .first_message = [](Duration) {},
                     .ended = [&](Slot, const auto&) { ++ended; }});
  for (std::size_t round = 1; round <= 3; ++round) {
    for (int i = 0; i < 3; ++i) client.dial({.addresses = {to}, .host = "a", .target = "/"});
    EXPECT_TRUE(net::run_until(loop, [&] { return ended == 3 * round; })) << "they are hung up on";
  }
  EXPECT_EQ(opened, 0u);
  EXPECT_EQ(from.count("127.0.0.1"), 6u);
  EXPECT_EQ(from.count("127.0.0.2"), 3u);
}

}  // namespace
}  // namespace utakata::load
