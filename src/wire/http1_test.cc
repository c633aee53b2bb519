#include "wire/http1.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/random.h"

namespace utakata::wire {
namespace {

// Writes down what it hears; stops after each `pause_every` requests.
class Heard : public Http1Sink {
 public:
  std::vector<std::string> events;
  int pause_every = 0;

  Head on_head(const Http1Request& r, std::string_view from_here) override {
    EXPECT_TRUE(from_here.starts_with(std::string(r.method) + " ")) << from_here;
    EXPECT_TRUE(r.body.empty());
    ++heads_;
    return Head::goes_on;
  }
  bool on_request(const Http1Request& r) override {
    EXPECT_EQ(heads_, requests_ + 1) << "each head once, and before its body";
    auto line = fmt::format("{} {}?{} [{}]{}{}{}", r.method, r.path, r.query, r.body,
                            r.keep_alive ? "" : " last", r.is_http10 ? " 1.0" : "",
                            r.is_upgrade ? " upgrade" : "");
    for (const auto& field : r.fields)
      if (!is_same_ignoring_case(field.name(), "host"))
        line += fmt::format(" {}={}", field.name(), field.value());
    events.push_back(line);
    return ++requests_ % std::max(pause_every, 1) != 0 || pause_every == 0;
  }
  void on_refused(const Http1Refusal& r) override {
    events.push_back(fmt::format("refused {}", r.status));
  }

 private:
  int heads_ = 0, requests_ = 0;
};

constexpr Http1Limits small{.header_bytes = 512, .body_bytes = 64};

std::vector<std::string> fed(std::string_view bytes, auto next_size) {
  Http1Parser parser(small);
  Heard heard;
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(next_size(), bytes.size());
    // A copy of its own that ends with its last byte: reading beyond it is seen by the address
    // sanitizer.
    const std::vector<char> piece(bytes.begin(), bytes.begin() + long(size));
    parser.feed({piece.data(), piece.size()}, heard);
    bytes.remove_prefix(size);
  }
  return heard.events;
}

// The same events whole, byte by byte and in random chops.
std::vector<std::string> events_of(std::string_view bytes) {
  const auto whole = fed(bytes, [&] { return bytes.size(); });
  EXPECT_EQ(fed(bytes, [] { return 1u; }), whole) << "byte by byte";
  static const auto seed = std::random_device{}();
  Random random(seed);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(fed(bytes, [&] { return 1 + random.below(bytes.size()); }), whole) << "seed " << seed;
  return whole;
}

using Events = std::vector<std::string>;
const std::string host = "Host: a\r\n";

TEST(Http1, good_requests_then_told_with_all_their_parts) {
  EXPECT_EQ(events_of("GET /a/b?c=d&e HTTP/1.1\r\n" + host + "\r\n"), Events{"GET /a/b?c=d&e []"});
  EXPECT_EQ(events_of("GET / HTTP/1.1\r\nHost: a\r\nX-Long:  two  words \t\r\nEmpty:\r\n\r\n"),
            Events{"GET /? [] X-Long=two  words Empty="});
  EXPECT_EQ(events_of("POST /p HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello"),
            Events{"POST /p? [hello] Content-Length=5"});
  EXPECT_EQ(events_of("POST /p HTTP/1.1\r\n" + host + "content-length: 0\r\n\r\n"),
            Events{"POST /p? [] content-length=0"});
  EXPECT_EQ(events_of("\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n"), Events{"GET /? []"});
  EXPECT_EQ(events_of("OPTIONS * HTTP/1.1\r\n" + host + "\r\n"), Events{"OPTIONS *? []"});
  EXPECT_EQ(events_of("GET http://a.example/x?y HTTP/1.1\r\n" + host + "\r\n"),
            Events{"GET /x?y []"});
  EXPECT_EQ(events_of("GET HTTP://a.example HTTP/1.1\r\n" + host + "\r\n"), Events{"GET /? []"});
  EXPECT_EQ(events_of("GET https://a.example?y HTTP/1.1\r\n" + host + "\r\n"),
            Events{"GET /?y []"});
}

TEST(Http1, versions_and_connection_then_told_whether_another_may_follow) {
  const auto one = [&](std::string version, std::string connection) {
    const auto events = events_of("GET / HTTP/" + version + "\r\n" + host + connection + "\r\n");
    return events.at(0).substr(0, events.at(0).find(" Con"));
  };
  EXPECT_EQ(one("1.1", ""), "GET /? []");
  EXPECT_EQ(one("1.1", "Connection: close\r\n"), "GET /? [] last");
  EXPECT_EQ(one("1.0", ""), "GET /? [] last 1.0");
  EXPECT_EQ(one("1.0", "Connection: Keep-Alive\r\n"), "GET /? [] 1.0");
  EXPECT_EQ(one("1.1", "Connection: foo, Upgrade\r\n"), "GET /? [] upgrade");
  EXPECT_EQ(events_of("GET / HTTP/1.0\r\n\r\n"), Events{"GET /? [] last 1.0"});
}

TEST(Http1, pipelined_requests_then_told_in_order) {
  std::string bytes;
  Events want;
  for (int i = 0; i < 20; ++i) {
    bytes += fmt::format("PUT /{} HTTP/1.1\r\n{}Content-Length: 2\r\n\r\n{:02}", i, host, i);
    want.push_back(fmt::format("PUT /{}? [{:02}] Content-Length=2", i, i));
  }
  EXPECT_EQ(events_of(bytes), want);
}

TEST(Http1, the_sink_pauses_then_the_rest_is_kept_until_it_is_asked_for) {
  Http1Parser parser(small);
  Heard heard;
  heard.pause_every = 1;
  parser.feed("GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3", heard);
  EXPECT_EQ(heard.events.size(), 1u);
  parser.feed({}, heard);
  EXPECT_EQ(heard.events.size(), 2u);
  EXPECT_EQ(parser.kept_bytes(), 6u);
  parser.feed(" HTTP/1.0\r\n\r\n", heard);
  EXPECT_EQ(heard.events.size(), 3u);
  EXPECT_EQ(parser.kept_bytes(), 0u);
}

std::string chunked(std::string chunks, std::string more_headers = "") {
  return "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n" + more_headers + "\r\n" +
         chunks;
}

TEST(Http1, chunked_bodies_then_joined_and_the_next_request_is_found) {
  const std::string coding = " Transfer-Encoding=chunked";
  EXPECT_EQ(events_of(chunked("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n") + "GET / HTTP/1.1\r\n" +
                      host + "\r\n"),
            (Events{"POST /? [hello world]" + coding, "GET /? []"}));
  EXPECT_EQ(events_of(chunked("0\r\n\r\n")), Events{"POST /? []" + coding});
  EXPECT_EQ(events_of(chunked("2\r\nok\r\n0\r\nHost: evil\r\nX: y\r\n\r\n")),
            Events{"POST /? [ok]" + coding});
  EXPECT_EQ(events_of(chunked("A\r\n0123456789\r\n00\r\n\r\n")),
            Events{"POST /? [0123456789]" + coding});
}

TEST(Http1, malformed_chunks_then_refused) {
  for (const auto* chunks :
       {"x\r\n", "-1\r\n", "5\r\nhelloX\r\n", "5\nhello", "1 2\r\n", "10000000000000000\r\nx",
        "5;\r\nhello\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\nContent-Length: 3\r\n\r\n"})
    EXPECT_EQ(events_of(chunked(chunks) + "\r\n\r\n").at(0).substr(0, 9), "refused 4") << chunks;
  EXPECT_EQ(events_of(chunked("41\r\n" + std::string(65, 'x'))), Events{"refused 413"});
  std::string many;
  for (int i = 0; i < 65; ++i) many += "1\r\nx\r\n";
  EXPECT_EQ(events_of(chunked(many)), Events{"refused 413"});
  EXPECT_EQ(events_of(chunked("1;" + std::string(600, 'x') + "\r\nx\r\n0\r\n\r\n")),
            Events{"refused 431"});
  EXPECT_EQ(events_of(chunked("1\r\nx\r\n0\r\n" + std::string(600, 'x') + ": y\r\n\r\n")),
            Events{"refused 431"});
}

TEST(Http1, two_readers_could_disagree_about_the_end_then_refused) {
  struct Case {
    std::string headers;
    int status;
  };
  for (const auto& [headers, status] :
       std::vector<Case>{{"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400},
                         {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400},
                         {"Content-Length: 3\r\nContent-Length: 4\r\n", 400},
                         {"Content-Length: 3\r\nContent-Length: 3\r\n", 400},
                         {"Content-Length: 3, 3\r\n", 400},
                         {"Content-Length: +3\r\n", 400},
                         {"Content-Length: -3\r\n", 400},
                         {"Content-Length: 0x3\r\n", 400},
                         {"Content-Length:\r\n", 400},
                         {"Content-Length: 99999999999999999999\r\n", 400},
                         {"Content-Length: 18446744073709551615\r\n", 413},
                         {"Content-Length : 3\r\n", 400},
                         {"Transfer-Encoding: gzip\r\n", 501},
                         {"Transfer-Encoding: gzip, chunked\r\n", 501},
                         {"Transfer-Encoding: chunked, gzip\r\n", 501},
                         {"Transfer-Encoding: xchunked\r\n", 501},
                         {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
                         {"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", 501},
                         {"X: a\r\n folded\r\n", 400},
                         {"X: a\n", 400},
                         {"X: a\rb\r\n", 400},
                         {std::string("X: a\0b\r\n", 8), 400},
                         {": no name\r\n", 400},
                         {"no colon\r\n", 400},
                         {" leading\r\n", 400},
                         {"Host: b\r\n", 400}}) {
    const auto events = events_of("POST / HTTP/1.1\r\n" + host + headers + "\r\nabc");
    EXPECT_EQ(events, Events{fmt::format("refused {}", status)}) << headers;
  }
  EXPECT_EQ(events_of("GET / HTTP/1.1\r\n\r\n"), Events{"refused 400"}) << "no Host";
  EXPECT_EQ(events_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Events{"refused 400"});
}

TEST(Http1, malformed_request_lines_then_refused) {
  struct Case {
    std::string line;
    int status;
  };
  for (const auto& [line, status] : std::vector<Case>{{"GET / HTTP/2.0", 505},
                                                      {"GET / HTTP/1.2", 505},
                                                      {"GET / HTTP/0.9", 505},
                                                      {"GET /", 400},
                                                      {"GET / HTTP/1", 400},
                                                      {"GET / XTTP/1.1", 400},
                                                      {"GET  / HTTP/1.1", 400},
                                                      {"GET / HTTP/1.1 ", 400},
                                                      {"G(T / HTTP/1.1", 400},
                                                      {"GET x HTTP/1.1", 400},
                                                      {"GET", 400},
                                                      {"\x16\x03\x01", 400},
                                                      {" GET / HTTP/1.1", 400},
                                                      {"CONNECT a:443 HTTP/1.1", 501},
                                                      {"GET /\x7f HTTP/1.1", 400},
                                                      {"PRI * HTTP/2.0", 505}}) {
    EXPECT_EQ(events_of(line + "\r\n" + host + "\r\n"), Events{fmt::format("refused {}", status)})
        << line;
  }
}

TEST(Http1, limits_then_exactly_they_are_let_through) {
  const std::string start = "GET / HTTP/1.1\r\n" + host + "X: ";
  const auto sized = [&](std::size_t size) {
    return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(events_of(sized(512)).at(0).substr(0, 3), "GET");
  EXPECT_EQ(events_of(sized(513)), Events{"refused 431"});
  EXPECT_EQ(events_of("GET /" + std::string(2000, 'x')), Events{"refused 431"});
  const auto body = [&](int size) {
    return fmt::format("PUT / HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}", host, size,
                       std::string(std::size_t(size), 'b'));
  };
  EXPECT_EQ(events_of(body(64)).at(0).substr(0, 3), "PUT");
  EXPECT_EQ(events_of(body(65)), Events{"refused 413"});
}

TEST(Http1, too_many_headers_then_refused) {
  std::string bytes = "GET / HTTP/1.0\r\n";
  for (int i = 0; i < 101; ++i) bytes += "a:\r\n";
  Http1Parser parser({.header_bytes = 4096});
  Heard heard;
  parser.feed(bytes + "\r\n", heard);
  EXPECT_EQ(heard.events, Events{"refused 431"});
}

TEST(Http1, expect_continue_then_asked_for_once_and_only_while_the_body_is_missing) {
  const auto head =
      "PUT / HTTP/1.1\r\n" + host + "Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
  Heard heard;
  Http1Parser waits(small);
  waits.feed(head.substr(0, 9), heard);
  EXPECT_EQ(waits.place(), Http1Parser::Place::header);
  EXPECT_FALSE(waits.take_continue());
  waits.feed(head.substr(9), heard);
  EXPECT_EQ(waits.place(), Http1Parser::Place::body);
  EXPECT_TRUE(waits.take_continue());
  EXPECT_FALSE(waits.take_continue());
  waits.feed("ok", heard);
  EXPECT_EQ(waits.place(), Http1Parser::Place::between);
  EXPECT_FALSE(waits.take_continue());
  Http1Parser hurried(small);
  hurried.feed(head + "ok", heard);
  EXPECT_FALSE(hurried.take_continue());
  EXPECT_EQ(heard.events.size(), 2u);
}

}  // namespace
}  // namespace utakata::wire
