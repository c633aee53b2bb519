#include "fleet/api/answers.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "wire/http1_answer.h"

namespace utakata {

int status_of(Problem::Kind kind) {
  switch (kind) {
    case Problem::Kind::not_found:
      return 404;
    case Problem::Kind::refused:
      return 403;
    case Problem::Kind::timed_out:
      return 504;
    case Problem::Kind::unavailable:
      return 503;
    case Problem::Kind::invalid:
      return 400;
    case Problem::Kind::conflict:
      return 409;
  }
  return 500;
}

std::string json_escaped(std::string_view text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

void send_problem(net::HttpReply& reply, const ProblemAnswer& problem, std::string_view headers) {
  std::string lines = fmt::format("Cache-Control: no-store\r\n{}{}", headers, problem.headers);
  std::string members = problem.members;
  if (problem.retry_after > Duration{}) {
    lines += fmt::format("Retry-After: {}\r\n", (to_ms(problem.retry_after) + 999) / 1000);
    members += fmt::format(R"(,"retry_after_ms":{})", to_ms(problem.retry_after));
  }
  const std::string body = fmt::format(
      R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}"{}}})",
      wire::reason_phrase(problem.status), problem.status, json_escaped(problem.detail), members);
  reply.send({.status = problem.status,
              .content_type = "application/problem+json",
              .headers = lines,
              .body = body});
}

void send_json(net::HttpReply& reply, int status, std::string_view body, std::string_view headers) {
  const std::string lines = fmt::format("Cache-Control: no-store\r\n{}", headers);
  reply.send({.status = status, .headers = lines, .body = body});
}

}  // namespace utakata
