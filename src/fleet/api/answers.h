// Answers that are not the hot one: JSON of the admin calls, and problems (RFC 9457). Nothing is
// ever cached.
#pragma once

#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "net/http_server.h"

namespace utakata {

struct ProblemAnswer {
  int status = 500;
  std::string detail;        // a whole sentence
  std::string headers = {};  // further lines, each ended by CRLF
  std::string members = {};  // further members of the object, each begun by a comma
  Duration retry_after{};    // > 0: said in the header, in whole seconds, and in `retry_after_ms`
};
void send_problem(net::HttpReply& reply, const ProblemAnswer& problem,
                  std::string_view headers = {});
int status_of(Problem::Kind kind);

void send_json(net::HttpReply& reply, int status, std::string_view body,
               std::string_view headers = {});

// `text` as it may stand between double quotes in JSON; what is not UTF-8 becomes U+FFFD.
std::string json_escaped(std::string_view text);

}  // namespace utakata
