#include "load/control/load_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "load/control/control_page.h"
#include "wire/digest.h"
#include "wire/prometheus.h"

namespace utakata::load {
namespace {

constexpr double factor_max = 1000;  // as LoadRun has it
constexpr std::array orders = {"/pause", "/resume", "/more", "/stop"};
// No other site's page frames this one, and it loads nothing.
constexpr std::string_view page_headers =
    "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src "
    "'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'\r\n";

void refuse(net::HttpReply& reply, int status, std::string_view detail,
            std::string_view headers = {}) {
  const nlohmann::json body = {{"status", status}, {"detail", detail}};
  reply.send({.status = status,
              .content_type = "application/problem+json",
              .headers = headers,
              .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// "::1" of "[::1]:7171", without its port. Empty: that is no name.
std::string_view name_in(std::string_view host) {
  if (!host.starts_with('[')) return host.substr(0, host.find(':'));
  const auto end = host.find(']');
  const bool is_whole = end != host.npos && (end + 1 == host.size() || host[end + 1] == ':');
  return is_whole ? host.substr(1, end - 1) : std::string_view();
}

bool are_same(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// A page's own origin: its scheme and our name. None: no browser asks.
bool is_cross_site(const net::HttpRequest& request) {
  const std::string_view origin = request.header("origin");
  constexpr std::string_view scheme = "http://";
  return !origin.empty() && (!origin.starts_with(scheme) ||
                             !are_same(origin.substr(scheme.size()), request.header("host")));
}

template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Expected<ControlOptions> control_options(const std::string& listen, std::string token) {
  const auto colon = listen.rfind(':');
  const auto port = number_from<std::uint16_t>(
      std::string_view(listen).substr(colon == listen.npos ? 0 : colon + 1));
  std::string host(colon == listen.npos ? "127.0.0.1" : std::string(name_in(listen)));
  if (!port || host.empty())
    return problem(
        Problem::Kind::invalid,
        fmt::format("--http needs an address and a port such as 127.0.0.1:7171, not {}.", listen));
  if (host == "localhost") host = "127.0.0.1";
  return ControlOptions{.host = std::move(host), .port = *port, .token = std::move(token)};
}

LoadControl::LoadControl(net::Loop& loop, ControlOptions options, Calls calls)
    : options_(std::move(options)),
      calls_(std::move(calls)),
      server_(loop,
              [this](const net::HttpRequest& request, net::HttpReply reply) {
                answer(request, std::move(reply));
              },
              {.header_bytes = 8 * 1024, .body_bytes = 1024, .connections = 100}) {}

Expected<std::unique_ptr<LoadControl>> LoadControl::listen(net::Loop& loop, ControlOptions options,
                                                           Calls calls) {
  if (!is_loopback(options.host) && options.token.empty())
    return problem(Problem::Kind::refused,
                   fmt::format("--http {} is open to others than this machine: give --http-token, "
                               "or listen on 127.0.0.1.",
                               options.host));
  std::unique_ptr<LoadControl> control(new LoadControl(loop, std::move(options), std::move(calls)));
  auto& own = control->options_;
  const auto port = control->server_.listen(own.host, own.port);
  if (!port) return std::unexpected(port.error());
  own.port = *port;
  return control;
}

std::string LoadControl::url() const {
  const bool is_v6 = options_.host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", is_v6 ? "[" : "", options_.host, is_v6 ? "]" : "",
                     options_.port);
}

// Nobody's page can show a token that it does not know, under whatever name it asks.
bool LoadControl::admits(const net::HttpRequest& request, net::HttpReply& reply) const {
  if (!options_.token.empty()) {
    if (request.path == "/") return true;  // the page itself tells nothing
    constexpr std::string_view bearer = "Bearer ";
    const std::string_view shown = request.header("authorization");
    if (shown.starts_with(bearer) &&
        wire::constant_time_equal(shown.substr(bearer.size()), options_.token))
      return true;
    refuse(reply, 401, "Show the token that was given as --http-token.",
           "WWW-Authenticate: Bearer\r\n");
    return false;
  }
  const std::array<std::string_view, 4> names = {"localhost", "127.0.0.1", "::1", options_.host};
  const std::string_view host = request.header("host");
  const bool is_ours = host.empty() || std::ranges::any_of(names, [&](std::string_view name) {
                         return are_same(name_in(host), name);
                       });
  if (!is_ours) return refuse(reply, 421, "This address has another name."), false;
  if (is_cross_site(request)) return refuse(reply, 403, "Pages of other sites may not ask."), false;
  return true;
}

void LoadControl::answer(const net::HttpRequest& request, net::HttpReply reply) {
  if (!admits(request, reply)) return;
  const bool is_order = std::ranges::find(orders, request.path) != orders.end();
  const bool is_known =
      is_order || request.path == "/" || request.path == "/status" || request.path == "/metrics";
  if (!is_known)
    return refuse(reply, 404,
                  "There are GET /, /status and /metrics, and POST /pause, /resume, /more and "
                  "/stop.");
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  if (is_order ? request.method != "POST" : !is_read)
    return refuse(reply, 405,
                  is_order ? "This is an order: POST it." : "This is only read: GET it.",
                  is_order ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n");
  if (is_order) return order(request, std::move(reply));
  if (request.path == "/")
    reply.send({.content_type = "text/html; charset=utf-8",
                .headers = page_headers,
                .body = control_page});
  else if (request.path == "/metrics")
    reply.send({.content_type = wire::PrometheusWriter::content_type, .body = calls_.metrics()});
  else
    reply.send({.headers = "Cache-Control: no-store\r\n", .body = calls_.status()});
}

void LoadControl::order(const net::HttpRequest& request, net::HttpReply reply) {
  bool is_done = true;
  if (request.path == "/more") {
    constexpr std::string_view name = "factor=";
    const auto factor = request.query.starts_with(name)
                            ? number_from<double>(request.query.substr(name.size()))
                            : std::nullopt;
    if (!factor || !(*factor >= 0 && *factor <= factor_max))
      return refuse(reply, 400,
                    "`factor` must be a number from 0 to 1000, times as many as planned: "
                    "POST /more?factor=1.5");
    is_done = calls_.more(*factor);
  } else if (request.path == "/stop") {
    calls_.stop();
  } else {
    is_done = calls_.pause(request.path == "/pause");
  }
  if (!is_done) return refuse(reply, 409, "It is not running yet, or not any more.");
  reply.send({.headers = "Cache-Control: no-store\r\n", .body = calls_.status()});
}

}  // namespace utakata::load
