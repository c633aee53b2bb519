// HTTP/1.1 answers into bytes (RFC 9112). Pure; appends, so that the answers of a turn are joined
// in one buffer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::wire {

struct Http1AnswerHead {
  int status = 200;
  std::string_view content_type{};
  std::string_view date{};                // IMF-fixdate; empty: no such header
  std::string_view headers{};             // further whole lines, each ended by CRLF
  std::optional<std::uint64_t> length{};  // none: chunked, or ended by closing
  bool is_chunked = false;
  bool closes = false;
  bool names_keep_alive = false;  // HTTP/1.0 wants to be told
};

std::string_view reason_phrase(int status);  // "Not Found"; "Status" where it has none

// No length and no type is written where the status forbids a body (1xx, 204, 304).
void append_answer_head(std::string& out, const Http1AnswerHead& head);
bool may_have_body(int status);

void append_chunk(std::string& out,
                  std::string_view data);  // an empty one is left out: it would be the end
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

std::string http_date(std::int64_t unix_seconds);  // "Sun, 06 Nov 1994 08:49:37 GMT"

}  // namespace utakata::wire
