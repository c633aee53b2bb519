// What the web server of examples/live-vote is for voters, for a machine that has no cores to spare
// for Node while hundreds of thousands vote: the same routes with the same answers, votes counted
// once for each person, places asked for at the placement API one by one. What else is asked goes
// to the example's own web server.
//
//   vote_page PORT PLACEMENT_PORT WEB_PORT NUMBER     several of them share PORT
//
// For each line on stdin it says one of JSON: {"persons":N,"names":N,"votes":N}, of which votes are
// persons who have voted. The end of stdin ends it.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "load/client/http.h"
#include "load/client/sources.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/socket_end.h"

namespace utakata {
namespace {

constexpr std::array<std::string_view, 4> options{"tea", "coffee", "cocoa", "water"};
constexpr std::string_view later = R"({"detail":"Try again."})";

std::uint16_t port_of(const char* text) { return std::uint16_t(std::atoi(text)); }

class VotePage {
 public:
  VotePage(net::Loop& loop, std::uint16_t placement_port, std::uint16_t web_port,
           std::string number)
      : number_(std::move(number)),
        asks_(loop, {}, sources_,
              {.answered = [this](load::RequestId id,
                                  const load::HttpAnswer& answer) { answered(id, answer); },
               .failed =
                   [this](load::RequestId id, const load::HttpFailure&) {
                     take(id).send({.status = 502, .body = later});
                   }}),
        placement_host_(host_line(placement_port)),
        web_host_(host_line(web_port)),
        placement_(host(placement_port)),
        web_(host(web_port)) {}

  void serve(const net::HttpRequest& request, net::HttpReply reply) {
    if (request.path == "/api/place") return ask(placement_, "GET", endpoint, {}, std::move(reply));
    const bool is_ours =
        request.path == "/api/info" || request.path == "/api/login" || request.path == "/api/vote";
    if (!is_ours) return pass_on(request, std::move(reply));
    const std::string person = person_of(request.header("cookie"));
    const std::string cookie = fmt::format("Set-Cookie: who={}; Path=/; HttpOnly\r\n", person);
    const auto send = [&](const nlohmann::json& said, int status = 200) {
      const std::string body = said.dump();
      reply.send({.status = status, .headers = cookie, .body = body});
    };
    if (request.path == "/api/info") return send(info(person));
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    if (!body.is_object()) return send({{"detail", "That is not JSON."}}, 400);
    if (request.path == "/api/login") {
      names_.insert_or_assign(person, body.value("name", ""));
      return send({{"you", {{"id", person}, {"name", names_.at(person)}}}});
    }
    const auto option = std::ranges::find(options, body.value("choice", ""));
    if (option == options.end()) return send({{"detail", "That is not one of the options."}}, 400);
    vote(person, std::size_t(option - options.begin()));
    send({{"choice", *option}});
  }

  std::string counted() const {
    return fmt::format(R"({{"persons":{},"names":{},"votes":{}}})", persons_, names_.size(),
                       votes_.size());
  }

 private:
  static constexpr std::string_view endpoint = "/v1/stacks/live-vote/clusters/channels/endpoint";

  static std::string host_line(std::uint16_t port) {
    return fmt::format("Host: 127.0.0.1:{}\r\n", port);
  }
  load::OriginId host(std::uint16_t port) {
    return asks_.origin({.addresses = {net::numeric_address("127.0.0.1", port).value()},
                         .host = fmt::format("127.0.0.1:{}", port)});
  }

  // Of the cookie, or a new one. A real one is signed.
  std::string person_of(std::string_view cookie) {
    constexpr std::string_view who = "who=";
    if (const auto at = cookie.find(who); at != cookie.npos)
      return std::string(cookie.substr(at + who.size(), cookie.find(';', at) - at - who.size()));
    return fmt::format("{}-{}", number_, ++persons_);
  }

  nlohmann::json info(const std::string& person) const {
    nlohmann::json counts, labels;
    for (std::size_t k = 0; k < options.size(); ++k) {
      counts[std::string(options[k])] = counts_[k];
      labels[std::string(options[k])] = options[k];
    }
    const auto voted = votes_.find(person);
    const auto name = names_.find(person);
    return {{"question", "What shall we drink?"},
            {"options", labels},
            {"key", "vote"},
            {"tally", {{"version", version_}, {"counts", counts}, {"here", 0}, {"last_entry", 0}}},
            {"entries", nlohmann::json::array()},
            {"you", {{"id", person}, {"name", name == names_.end() ? "" : name->second}}},
            {"choice", voted == votes_.end() ? "" : options[voted->second]}};
  }

  void vote(const std::string& person, std::size_t choice) {
    const auto [vote, is_first] = votes_.try_emplace(person, choice);
    if (!is_first) --counts_[std::exchange(vote->second, choice)];
    ++counts_[choice];
    ++version_;
  }

  void pass_on(const net::HttpRequest& request, net::HttpReply reply) {
    const std::string rights = fmt::format(
        "Authorization: {}\r\nContent-Type: application/json\r\n", request.header("authorization"));
    ask(web_, request.method, std::string(request.path), rights, std::move(reply), request.body);
  }

  void ask(load::OriginId origin, std::string_view method, std::string_view target,
           const std::string& headers, net::HttpReply reply, std::string_view body = {}) {
    const std::string& host = origin == web_ ? web_host_ : placement_host_;
    const load::RequestId id =
        asks_.request({.origin = origin,
                       .method = method,
                       .target = target,
                       .headers = host + headers,
                       .body = body.empty() ? std::nullopt : std::optional(body),
                       .deadline = 20s});
    replies_.insert_or_assign(id, std::move(reply));
  }
  void answered(load::RequestId id, const load::HttpAnswer& answer) {
    // A place comes with its url and instance, among others.
    const bool is_later = answer.status == 503;
    take(id).send({.status = answer.status,
                   .headers = is_later ? "Retry-After: 1\r\n" : "",
                   .body = answer.body});
  }
  net::HttpReply take(load::RequestId id) {
    net::HttpReply reply = std::move(replies_.at(id));
    replies_.erase(id);
    return reply;
  }

  const std::string number_;  // of this process: persons of several are not the same
  load::Sources sources_;
  load::HttpRequests asks_;
  const std::string placement_host_, web_host_;
  const load::OriginId placement_, web_;
  std::unordered_map<load::RequestId, net::HttpReply> replies_;
  std::unordered_map<std::string, std::size_t> votes_;  // by person
  std::unordered_map<std::string, std::string> names_;  // likewise
  std::array<std::uint64_t, options.size()> counts_{};
  std::uint64_t persons_ = 0, version_ = 0;
};

}  // namespace
}  // namespace utakata

int main(int count, char** arguments) {
  using namespace utakata;
  if (count != 5) {
    fmt::print(stderr, "vote_page PORT PLACEMENT_PORT WEB_PORT NUMBER\n");
    return 2;
  }
  net::Loop loop;
  VotePage page(loop, port_of(arguments[2]), port_of(arguments[3]), arguments[4]);
  net::HttpServer server(loop,
                         [&](const net::HttpRequest& request, net::HttpReply reply) {
                           page.serve(request, std::move(reply));
                         },
                         {.connections = std::size_t(sysconf(_SC_OPEN_MAX)) - 500});
  if (const auto port = server.listen("127.0.0.1", port_of(arguments[1]), {.shares_port = true});
      !port) {
    fmt::print(stderr, "{}\n", port.error().what);
    return 2;
  }
  loop.watch(STDIN_FILENO, EPOLLIN, [&](std::uint32_t) {
    char bytes[64];
    if (read(STDIN_FILENO, bytes, sizeof bytes) <= 0) return loop.stop();
    fmt::print("{}\n", page.counted());
    std::fflush(stdout);
  });
  fmt::print("listening\n");
  std::fflush(stdout);
  loop.run();
}
