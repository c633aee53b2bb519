#include "wire/http1_answer.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace utakata::wire {
namespace {

struct Reason {
  int status;
  std::string_view phrase;
};
constexpr std::array reasons = std::to_array<Reason>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), number, base).ptr;
  out.append(digits.data(), std::size_t(end - digits.data()));
}

void append_header(std::string& out, std::string_view name_and_colon, std::string_view value) {
  out.append(name_and_colon);
  out.append(value);
  out.append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
  for (const auto& reason : reasons)
    if (reason.status == status) return reason.phrase;
  return "Status";
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

void append_answer_head(std::string& out, const Http1AnswerHead& head) {
  if (head.status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    append_number(out, std::uint64_t(head.status));
    append_header(out, " ", reason_phrase(head.status));
  }
  if (!head.date.empty()) append_header(out, "Date: ", head.date);
  if (may_have_body(head.status)) {
    if (!head.content_type.empty()) append_header(out, "Content-Type: ", head.content_type);
    if (head.length) {
      out.append("Content-Length: ");
      append_number(out, *head.length);
      out.append("\r\n");
    } else if (head.is_chunked) {
      out.append("Transfer-Encoding: chunked\r\n");
    }
  }
  if (head.closes)
    out.append("Connection: close\r\n");
  else if (head.names_keep_alive)
    out.append("Connection: keep-alive\r\n");
  out.append(head.headers);
  out.append("\r\n");
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  append_number(out, data.size(), 16);
  append_header(out, "\r\n", data);
}

std::string http_date(std::int64_t unix_seconds) {
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds;
  std::tm t{};
  gmtime_r(&seconds, &t);
  std::array<char, 64> text;
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[std::size_t(t.tm_wday)],
      t.tm_mday, months[std::size_t(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  return {text.data(), std::size_t(size)};
}

}  // namespace utakata::wire
