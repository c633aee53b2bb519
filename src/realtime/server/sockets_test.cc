// WebSockets over real sockets, in the clear and over TLS: what a client sees of us, whatever it
// does.
#include "realtime/server/sockets.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <string>

#include "base/random.h"
#include "net/tls_test_files.h"

namespace utakata::realtime {
namespace {

enum class Over { plain, tls };

class SocketsTest : public testing::TestWithParam<Over> {
 protected:
  void begin(const SocketLimits& limits = {}) {
    sockets_ = std::make_unique<Sockets>(
        loop_, limits,
        Sockets::Calls{.message = [this](ClientSlot client, wire::WebSocketKind,
                                         std::string_view text) { heard_[client] += text; },
                       .gone = [this](ClientSlot client) { gone_ += std::to_string(client) + " "; },
                       .silent =
                           [this](ClientSlot client, bool again) {
                             silent_ += std::to_string(client) + (again ? " again " : " ");
                             if (again) sockets_->close(client, 4201, "");
                           }});
  }
  // The other end's descriptor.
  int come(ClientSlot expected, int buffer = 0, int window_bits = 0) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    if (buffer > 0) setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    auto tls = GetParam() == Over::tls ? handshake(ends[0], ends[1]) : nullptr;
    clients_.emplace_back(ends[1]);
    EXPECT_EQ(sockets_->add({net::Descriptor(ends[0]), std::move(tls), window_bits}), expected);
    return ends[1];
  }
  std::unique_ptr<net::TlsStream> handshake(int ours, int theirs) {
    auto tls = identity_->accept(ours);
    auto* const client = SSL_new(context_.get());
    SSL_set_fd(client, theirs);
    sessions_.insert_or_assign(theirs, Session(client, &SSL_free));
    std::array<char, 100> nothing;
    for (int i = 0; i < 100 && !(SSL_connect(client) == 1 && tls->is_ready()); ++i)
      EXPECT_EQ(tls->receive(nothing).how, net::Moved::How::would_block);
    EXPECT_TRUE(tls->is_ready());
    return tls;
  }
  void turn(Duration time = 20ms) {
    loop_.after(time, [this] { loop_.stop(); });
    loop_.run();
  }
  void say(int client, std::string_view bytes) {
    const auto session = sessions_.find(client);
    const auto said = session == sessions_.end()
                          ? ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                          : SSL_write(session->second.get(), bytes.data(), int(bytes.size()));
    EXPECT_EQ(said, ssize_t(bytes.size()));
  }
  static std::string masked(std::string_view text) {
    std::string frame;
    wire::append_message(frame, wire::WebSocketKind::text, text, wire::WebSocketMask{1, 2, 3, 4});
    return frame;
  }
  static std::string masked_close(std::uint16_t code) {
    std::string frame;
    wire::append_close(frame, code, "", wire::WebSocketMask{1, 2, 3, 4});
    return frame;
  }
  // All that has come; "end" behind it when nothing more will.
  std::string got(int client) {
    const auto session = sessions_.find(client);
    SSL* const tls = session == sessions_.end() ? nullptr : session->second.get();
    std::string all;
    char bytes[4096];
    for (;;) {
      const auto count =
          tls ? SSL_read(tls, bytes, int(sizeof bytes)) : int(recv(client, bytes, sizeof bytes, 0));
      const int how = tls ? SSL_get_error(tls, count) : SSL_ERROR_NONE;
      if (tls && how != SSL_ERROR_NONE) {
        EXPECT_TRUE(how == SSL_ERROR_WANT_READ || how == SSL_ERROR_ZERO_RETURN) << how;
        return how == SSL_ERROR_ZERO_RETURN ? all + "end" : all;
      }
      if (count == 0) return all + "end";
      if (count < 0) return all;
      all.append(bytes, std::size_t(count));
    }
  }

  using Session = std::unique_ptr<SSL, void (*)(SSL*)>;
  net::Loop loop_;
  const net::TlsTestFiles files_;
  std::unique_ptr<net::TlsIdentity> identity_ =
      net::TlsIdentity::open(loop_, files_.names().certificate, files_.names().key, {}).value();
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_{
      [] {
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to who is gone without a thought
        auto* const context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);  // who is cut is told nothing
        return context;
      }(),
      &SSL_CTX_free};
  std::map<int, Session> sessions_;  // of the clients that have one
  std::unique_ptr<Sockets> sockets_;
  std::vector<net::Descriptor> clients_;
  std::map<ClientSlot, std::string> heard_;
  std::string gone_, silent_;
};

TEST_P(SocketsTest, messages_go_both_ways_and_a_close_is_answered) {
  begin();
  const int client = come(0);
  sockets_->send(0, text_frame("hello"));
  say(client, masked("hi"));
  turn();
  EXPECT_EQ(heard_[0], "hi");
  EXPECT_EQ(got(client), "\x81\x05hello");
  say(client, masked_close(1000));
  turn();
  EXPECT_EQ(got(client), std::string("\x88\x02\x03\xe8") + "end");
  EXPECT_EQ(gone_, "0 ");
  sockets_->send(0, text_frame("late"));
  come(0);
}

TEST_P(SocketsTest, the_lowest_slot_is_taken_again) {
  begin();
  const int first = come(0);
  come(1);
  const int third = come(2);
  shutdown(third, SHUT_RDWR);
  shutdown(first, SHUT_RDWR);
  turn();
  EXPECT_EQ(gone_.size(), 4u);
  come(0);
  come(2);
  come(3);
}

TEST_P(SocketsTest, who_reads_slowly_holds_frames_in_order_and_is_cut_when_they_are_too_many) {
  begin({.backlog_bytes = 200'000});
  const int client = come(0, 4096);
  std::string want;
  for (int i = 0; i < 30; ++i) {
    const Frame frame = text_frame(std::string(4000, char('a' + i % 26)));
    want += *frame;
    sockets_->send(0, frame);
  }
  std::string all;
  while (all.size() < want.size()) {
    turn(2ms);
    all += got(client);
  }
  EXPECT_EQ(all, want);
  EXPECT_EQ(sockets_->slowness().cut, 0);

  const Frame big = text_frame(std::string(50'000, 'x'));
  for (int i = 0; i < 10; ++i) sockets_->send(0, big);
  turn();
  EXPECT_EQ(gone_, "0 ");
  EXPECT_EQ(sockets_->slowness().cut, 1);
  EXPECT_EQ(big.use_count(), 1) << "nothing is held for who is gone";
}

TEST_P(SocketsTest, small_frames_that_wait_are_bounded_by_their_number) {
  begin({.backlog_bytes = 64'000});  // 1,000 frames
  const int client = come(0, 4096);
  come(1, 4096);
  sockets_->when_slow(1, SlowReaders::drop_oldest);
  for (const ClientSlot slot : {ClientSlot{0}, ClientSlot{1}}) {
    sockets_->send(slot, text_frame(std::string(20'000, 'x')));
    for (int i = 0; i < 900; ++i) sockets_->send(slot, text_frame("x"), 1);
  }
  turn();
  EXPECT_EQ(gone_, "");
  std::string ping;
  wire::append_ping(ping, "", wire::WebSocketMask{1, 2, 3, 4});
  for (int i = 0; i < 200; ++i) say(client, ping);  // each is answered
  for (int i = 0; i < 2000; ++i) sockets_->send(1, text_frame("x"), 1);
  turn();
  EXPECT_EQ(gone_, "0 ");
  EXPECT_GT(sockets_->slowness().dropped, 0) << "of who may miss some";
}

// All that a slow client was told after its buffers were full: a letter each of 4,000 bytes.
std::string letters_in(const std::string& all) {
  std::string letters;
  for (std::size_t at = 4; at < all.size(); at += 4004) letters += all[at];
  return letters;
}

TEST_P(SocketsTest, a_slow_one_may_miss_the_oldest_but_nothing_said_to_it_alone) {
  begin({.backlog_bytes = 40'000});
  const int client = come(0, 4096);
  sockets_->when_slow(0, SlowReaders::drop_oldest);
  sockets_->send(0, text_frame(std::string(4000, 'A')), 1);
  for (char c = 'a'; c <= 'z'; ++c)
    sockets_->send(0, text_frame(std::string(4000, c)), c == 'g' ? 0 : 1);
  std::string all;
  for (int i = 0; i < 40; ++i) turn(2ms), all += got(client);
  const std::string letters = letters_in(all);
  EXPECT_TRUE(letters.starts_with("A") && letters.ends_with("uvwxyz")) << letters;
  EXPECT_NE(letters.find('g'), letters.npos) << "said to it alone";
  EXPECT_TRUE(std::ranges::is_sorted(letters)) << letters;
  EXPECT_EQ(std::size_t(sockets_->slowness().dropped) + letters.size(), 27u);
  EXPECT_EQ(sockets_->slowness().cut, 0);
}

TEST_P(SocketsTest, a_slow_one_may_be_told_only_the_newest_of_each_channel) {
  begin({.backlog_bytes = 40'000});
  const int client = come(0, 4096);
  sockets_->when_slow(0, SlowReaders::conflate);
  for (char c = 'a'; c <= 'z'; ++c)
    sockets_->send(0, text_frame(std::string(4000, c)), c % 2 == 0 ? 1 : 3);
  std::string all;
  for (int i = 0; i < 40; ++i) turn(2ms), all += got(client);
  const std::string letters = letters_in(all);
  EXPECT_TRUE(letters.ends_with("yz")) << letters;
  EXPECT_LT(letters.size(), 10u) << letters << ": what its buffers held, and one of each channel";
  EXPECT_EQ(std::size_t(sockets_->slowness().conflated) + letters.size(), 26u);
}

TEST_P(SocketsTest, what_is_more_than_one_read_takes_is_heard_though_nothing_more_comes) {
  begin();
  const int client = come(0);
  for (const char c : {'a', 'b', 'c'}) say(client, masked(std::string(40'000, c)));
  turn();
  EXPECT_EQ(heard_[0].size(), 120'000u);
  EXPECT_EQ(gone_, "");
}

TEST_P(SocketsTest, what_was_said_right_before_the_end_is_heard) {
  begin();
  const int client = come(0);
  say(client, masked("bye"));
  shutdown(client, SHUT_WR);
  turn();
  EXPECT_EQ(heard_[0], "bye");
  EXPECT_EQ(gone_, "0 ");
}

TEST_P(SocketsTest, who_breaks_the_protocol_is_told_and_nothing_more_is_heard) {
  begin({.message_bytes = 100});
  const int client = come(0);
  std::string unmasked;
  wire::append_message(unmasked, wire::WebSocketKind::text, "x", std::nullopt);
  say(client, unmasked + masked("never"));
  turn();
  EXPECT_EQ(got(client).substr(0, 1), "\x88");
  EXPECT_EQ(heard_[0], "");
  say(client, masked("never"));
  turn();
  EXPECT_EQ(heard_[0], "");
  shutdown(client, SHUT_WR);
  turn();
  EXPECT_EQ(gone_, "0 ");

  const int greedy = come(0);
  say(greedy, std::string("\x81\xff\x00\x00\x00\x00\x80\x00\x00\x00", 10) + "mask");  // of 2 GB
  turn();
  EXPECT_EQ(got(greedy).substr(2, 2), "\x03\xf1") << "1009";
}

TEST_P(SocketsTest, of_who_is_silent_it_is_told_twice_and_of_who_answers_it_is_not) {
  begin({.silent_after = 100ms, .answer_within = 100ms});
  const int silent = come(0);
  const int lively = come(1);
  for (int i = 0; i < 8; ++i) {
    turn(60ms);
    std::string pong;
    wire::append_pong(pong, "", wire::WebSocketMask{1, 2, 3, 4});
    say(lively, pong);
  }
  EXPECT_EQ(silent_, "0 0 again ");
  EXPECT_EQ(got(silent), "\x88\x02\x10\x69");
}

TEST_P(SocketsTest, a_close_of_ours_waits_for_theirs_but_not_for_ever) {
  begin({.answer_within = 20ms, .close_within = 50ms});
  const int polite = come(0);
  const int deaf = come(1);
  sockets_->close(0, 4001, "no");
  sockets_->close(1, 4001, "no");
  sockets_->send(0, text_frame("late"));
  turn(5ms);
  EXPECT_EQ(got(polite), "\x88\x04\x0f\xa1no");
  say(polite, masked_close(4001));
  turn(10ms);
  EXPECT_EQ(gone_, "0 ");
  turn(120ms);
  EXPECT_EQ(gone_, "0 1 ");
  EXPECT_EQ(got(deaf), "\x88\x04\x0f\xa1noend");
}

TEST_P(SocketsTest, what_a_slow_one_has_begun_to_take_it_takes_whole_and_then_the_rest_in_order) {
  begin({.backlog_bytes = 600'000});
  const int client = come(0, 4096);
  std::string want;
  for (const std::size_t size : {100'000, 10, 70'000, 1, 200'000, 3}) {
    const Frame frame = text_frame(std::string(size, char('a' + want.size() % 26)));
    want += *frame;
    sockets_->send(0, frame);
  }
  say(client, masked("said while it takes"));
  std::string all;
  for (int i = 0; i < 1000 && all.size() < want.size(); ++i) {
    turn(1ms);
    all += got(client);
  }
  EXPECT_EQ(all == want, true) << all.size() << " of " << want.size();
  EXPECT_EQ(heard_[0], "said while it takes");
  sockets_->send(0, text_frame("at once"));
  EXPECT_EQ(got(client),
            "\x81\x07"
            "at once");
}

TEST_P(SocketsTest, plain_ones_and_others_side_by_side_take_each_others_slots) {
  begin();
  const int first = come(0);
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  EXPECT_EQ(sockets_->add({net::Descriptor(ends[0])}), 1u);
  clients_.emplace_back(ends[1]);
  const int plain = ends[1];
  for (const ClientSlot slot : {ClientSlot{0}, ClientSlot{1}})
    sockets_->send(slot, text_frame("a"));
  EXPECT_EQ(got(first),
            "\x81\x01"
            "a");
  EXPECT_EQ(got(plain),
            "\x81\x01"
            "a");
  shutdown(first, SHUT_RDWR);
  shutdown(plain, SHUT_RDWR);
  turn();
  EXPECT_EQ(gone_, "0 1 ");
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  EXPECT_EQ(sockets_->add({net::Descriptor(ends[0])}), 0u);
  clients_.emplace_back(ends[1]);
  const int other = ends[1];
  const int second = come(1);
  for (const ClientSlot slot : {ClientSlot{0}, ClientSlot{1}})
    sockets_->send(slot, text_frame("b"));
  EXPECT_EQ(got(other),
            "\x81\x01"
            "b");
  EXPECT_EQ(got(second),
            "\x81\x01"
            "b");
}

// All messages of what a server said to one that can inflate.
std::string inflated(const std::string& bytes) {
  struct Sink final : wire::WebSocketSink {
    std::string all;
    bool message(wire::WebSocketKind, std::string_view text) override {
      all += text;
      return true;
    }
    bool ping(std::string_view) override { return true; }
    bool pong(std::string_view) override { return true; }
    bool close(std::uint16_t, std::string_view) override { return true; }
  } sink;
  wire::WebSocketParser parser(wire::WebSocketRole::client);
  wire::Inflater inflater;
  EXPECT_FALSE(parser.feed(bytes, sink, &inflater));
  return sink.all;
}

TEST_P(SocketsTest, what_goes_to_many_is_compressed_once_for_those_who_have_agreed_to_it) {
  begin();
  const int plain = come(0), one = come(1, 0, 15), other = come(2, 0, 15), narrow = come(3, 0, 8);
  const std::string text(500, 'x');
  const Frame frame = text_frame(text);
  Twin twin;
  sockets_->send(0, frame, 0, &twin);
  EXPECT_FALSE(twin.frame) << "nobody has wanted it yet";
  sockets_->send(1, frame, 0, &twin);
  const Frame made = twin.frame;
  sockets_->send(2, frame, 0, &twin);
  sockets_->send(3, frame, 0, &twin);
  EXPECT_EQ(twin.frame, made);
  EXPECT_EQ(got(plain), *frame);
  const std::string ones = got(one);
  EXPECT_LT(ones.size(), 50u);
  EXPECT_EQ(inflated(ones), text);
  EXPECT_EQ(got(other), ones);
  EXPECT_EQ(got(narrow), *frame) << "it keeps 256 bytes, fewer than that could refer back";

  sockets_->send(3, text_frame(std::string(250, 'y')));
  const std::string narrows = got(narrow);
  EXPECT_LT(narrows.size(), 50u);
  EXPECT_EQ(inflated(narrows), std::string(250, 'y'));
  sockets_->send(1, text_frame("small"));
  EXPECT_EQ(got(one), "\x81\x05small");
}

TEST_P(SocketsTest, of_joined_messages_each_is_compressed_that_is_large_enough) {
  begin();
  const int client = come(0, 0, 15);
  const std::string large(300, 'x'), larger(70'000, 'y');
  const auto joined = std::make_shared<const std::string>(*text_frame("a") + *text_frame(large) +
                                                          *text_frame("b") + *text_frame(larger));
  sockets_->send(0, joined);
  const std::string bytes = got(client);
  EXPECT_LT(bytes.size(), 600u);
  EXPECT_EQ(inflated(bytes), "a" + large + "b" + larger);
}

TEST_P(SocketsTest, who_reads_compressed_ones_slowly_gets_them_in_order_and_whole) {
  begin();
  const int client = come(0, 4096, 15);
  std::string want;
  Random random(7);
  for (int i = 0; i < 100; ++i) {
    std::string text;
    while (text.size() < 4000) text += std::to_string(random.next());
    sockets_->send(0, text_frame(text));
    want += text;
  }
  sockets_->close(0, 4001, "enough");
  std::string all;
  for (int i = 0; i < 500 && !all.ends_with("enough"); ++i) turn(2ms), all += got(client);
  EXPECT_LT(all.size(), want.size() * 3 / 4);
  EXPECT_EQ(inflated(all), want);
}

TEST_P(SocketsTest, compressed_messages_are_heard_from_those_who_have_agreed_to_it) {
  begin({.message_bytes = 1000});
  const auto masked_compressed = [](std::string_view text) {
    std::string frame;
    wire::append_compressed_message(frame, wire::WebSocketKind::text,
                                    *wire::Deflater().deflate(text),
                                    wire::WebSocketMask{1, 2, 3, 4});
    return frame;
  };
  const std::string text(1000, 'x');
  const int plain = come(0), client = come(1, 0, 15), bomber = come(2, 0, 15);
  say(plain, masked_compressed(text));
  say(client, masked_compressed(text) + masked("and plain"));
  say(bomber, masked_compressed(std::string(500'000, 'x')));
  turn();
  EXPECT_EQ(got(plain).substr(2, 2), "\x03\xea") << "1002";
  EXPECT_EQ(heard_[1], text + "and plain");
  EXPECT_EQ(got(bomber).substr(2, 2), "\x03\xf1") << "1009";
  EXPECT_EQ(heard_[0] + heard_[2], "");
  EXPECT_EQ(got(client), "");
}

TEST_P(SocketsTest, a_slot_that_was_compressed_is_plain_for_the_next) {
  begin();
  shutdown(come(0, 0, 15), SHUT_RDWR);
  turn();
  const int next = come(0);
  sockets_->send(0, text_frame(std::string(200, 'x')));
  EXPECT_EQ(got(next), *text_frame(std::string(200, 'x')));
}

INSTANTIATE_TEST_SUITE_P(Over, SocketsTest, testing::Values(Over::plain, Over::tls),
                         [](const auto& over) {
                           return std::string(over.param == Over::plain ? "plain" : "tls");
                         });

}  // namespace
}  // namespace utakata::realtime
