#include "wire/http1_response.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace utakata::wire {
namespace {

constexpr Http1Limits limits{.header_bytes = 1000, .body_bytes = 100};

struct Read {
  bool whole = false, refused = false, keep_alive = false;
  int status = 0;
  std::string body;
  bool operator==(const Read&) const = default;
};

// Fed in pieces of at most so many bytes, then closed.
Read read(std::string_view bytes, std::size_t piece_max, std::uint64_t seed) {
  Http1ResponseReader reader;
  reader.begin(limits);
  Random random(seed);
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(bytes.size(), 1 + random.below(piece_max));
    const auto fed = reader.feed(bytes.substr(0, size));
    if (!fed) return {.refused = true};
    bytes.remove_prefix(size);
    if (*fed) return {true, false, reader.keep_alive(), reader.status(), reader.body()};
  }
  if (!reader.end()) return {};
  return {true, false, reader.keep_alive(), reader.status(), reader.body()};
}

TEST(Http1Response, the_same_answer_comes_out_of_any_chopping) {
  const struct {
    std::string_view bytes;
    Read expected;
  } table[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", {true, false, true, 200, "hello"}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {true, false, true, 200, ""}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
       {true, false, false, 200, "hello"}},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", {true, false, false, 200, "hello"}},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
       "chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n",
       {true, false, true, 200, "hello"}},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not "
       "Found\r\nContent-Length: 1\r\n\r\nx",
       {true, false, true, 404, "x"}},
      {"HTTP/1.1 204 No Content\r\n\r\n", {true, false, true, 204, ""}},
      {"HTTP/1.1 204 \r\n\r\n", {true, false, true, 204, ""}},
      {"HTTP/1.1 204\r\n\r\n", {true, false, true, 204, ""}},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", {true, false, true, 304, ""}},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", {true, false, false, 200, "until the end"}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", {}},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", {}},
      {"HTTP/1.1 200 OK\r\nConte", {}},
      {"", {}},
      {"SSH-2.0-OpenSSH_9.2\r\n", {.refused = true}},
      {"HTTP/1.1 2xx OK\r\n\r\n", {.refused = true}},
      {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", {.refused = true}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", {.refused = true}},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", {.refused = true}},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", {.refused = true}},
  };
  for (const auto& [bytes, expected] : table)
    for (std::uint64_t seed = 0; seed < 40; ++seed)
      EXPECT_EQ(read(bytes, seed == 0 ? bytes.size() + 1 : seed % 9 + 1, seed), expected)
          << bytes << " seed " << seed;
}

TEST(Http1Response, headers_and_bodies_without_end_are_refused_at_the_limit) {
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x'), 100, 1).refused);
  EXPECT_TRUE(
      read("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", 5000, 0).refused);
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\n\r\n" + std::string(200, 'x'), 100, 1).refused);
}

TEST(Http1Response,
     bytes_behind_an_answer_end_the_connections_use_and_the_next_begin_forgets_them) {
  Http1ResponseReader reader;
  reader.begin(limits);
  EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200"), true);
  EXPECT_EQ(reader.body(), "hi");
  EXPECT_FALSE(reader.keep_alive());
  reader.begin(limits);
  EXPECT_FALSE(reader.has_begun());
  EXPECT_EQ(reader.feed("HTTP/1.1 204 No Content\r\n\r\n"), true);
  EXPECT_EQ(reader.body(), "");
}

TEST(Http1Response, an_answer_to_a_head_has_no_body_whatever_its_length) {
  for (const std::string_view head :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"}) {
    Http1ResponseReader reader;
    reader.begin(limits, true);
    EXPECT_EQ(reader.feed(head), true);
    EXPECT_EQ(reader.body(), "");
    EXPECT_EQ(reader.head(), head);
  }
}

TEST(Http1Response, the_head_is_kept_as_it_came_without_those_before_it) {
  constexpr std::string_view early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
                             head = "HTTP/1.1 200 Fine by me\r\nA: 1\r\na: 2\r\n\r\n";
  Http1ResponseReader reader;
  reader.begin(limits);
  for (const char byte : std::string(early) + std::string(head) + "body")
    EXPECT_EQ(reader.feed({&byte, 1}), false);
  EXPECT_EQ(reader.head(), head);
  EXPECT_TRUE(reader.end());
  EXPECT_EQ(reader.body(), "body");
}

}  // namespace
}  // namespace utakata::wire
