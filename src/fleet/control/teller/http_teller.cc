#include "fleet/control/teller/http_teller.h"

#include <fmt/format.h>

#include <algorithm>

namespace utakata {

namespace {

std::string body_of(const Teller::Message& message) {
  std::string body =
      message.draining
          ? fmt::format(R"({{"state":"draining","deadline_ms":{})",
                        message.deadline ? std::to_string(to_ms(*message.deadline)) : "null")
          : R"({"state":"serving")";
  if (message.close)  // the address is ours: nothing in it needs escaping
    body += fmt::format(R"(,"close":{{"pace":{},"most":{},"ask":"{}","reconnects":{}}})",
                        message.close->pace,
                        message.close->most > 0 ? std::to_string(message.close->most) : "null",
                        message.ask, message.reconnects);
  return body + "}";
}

}  // namespace

void HttpTeller::tell(const Message& message, std::function<void(Expected<void>)> done) {
  net::HttpCall call;
  call.method = message.method;
  call.url =
      fmt::format("http://{}:{}{}", message.address.host, message.address.port, message.path);
  call.headers = {"Content-Type: application/json", "Authorization: Bearer " + message.token};
  call.body = body_of(message);
  const std::string what = message.method + " " + call.url;
  client_.call(std::move(call), [done = std::move(done), what](Expected<net::HttpResult> answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    if (answer->status / 100 == 2) return done({});
    done(problem(Problem::Kind::refused, fmt::format("{} answered {}", what, answer->status)));
  });
}

void HttpTeller::lend(const Address& address, const std::string& token, Duration time) {
  net::HttpCall call;
  call.method = "PUT";
  call.url = fmt::format("http://{}:{}/lease?ms={}", address.host, address.port, to_ms(time));
  call.headers = {"Authorization: Bearer " + token};
  call.deadline = std::min<Duration>(time / 3, 5s);  // by then it is lent anew
  client_.call(std::move(call), [](const Expected<net::HttpResult>&) {});
}

}  // namespace utakata
