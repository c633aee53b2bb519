#include "wire/http1_answer.h"

#include <gtest/gtest.h>

namespace utakata::wire {
namespace {

std::string written(const Http1AnswerHead& head) {
  std::string out;
  append_answer_head(out, head);
  return out;
}

TEST(Http1Answer, heads_then_as_the_rfc_writes_them) {
  EXPECT_EQ(written({.status = 200, .content_type = "text/plain", .date = "D", .length = 12}),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n");
  EXPECT_EQ(written({.status = 404, .headers = "A: b\r\n", .length = 0, .closes = true}),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\nA: b\r\n\r\n");
  EXPECT_EQ(written({.status = 299, .is_chunked = true}),
            "HTTP/1.1 299 Status\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(written({.status = 200, .length = 1, .names_keep_alive = true}),
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n");
}

TEST(Http1Answer, a_status_without_a_body_then_no_length) {
  for (const int status : {101, 204, 304}) {
    const auto head = written({.status = status, .content_type = "x/y", .length = 0});
    EXPECT_EQ(head.find("Content-"), head.npos) << head;
  }
}

TEST(Http1Answer, chunks_then_framed_and_an_empty_one_is_no_end) {
  std::string out;
  append_chunk(out, "0123456789abcdefXYZ");
  append_chunk(out, "");
  out += last_chunk;
  EXPECT_EQ(out, "13\r\n0123456789abcdefXYZ\r\n0\r\n\r\n");
}

TEST(Http1Answer, dates_then_in_the_fixed_form) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace utakata::wire
