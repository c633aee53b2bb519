#include "realtime/server/control.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <utility>

#include "realtime/pusher/signature.h"
#include "wire/digest.h"
#include "wire/prometheus.h"

namespace utakata::realtime {
namespace {

constexpr std::string_view kJson = "application/json";

}  // namespace

Control::Control(std::string token, HostBus* host, std::size_t workers, Calls calls)
    : token_(std::move(token)), host_(host), workers_(workers), calls_(std::move(calls)) {}

bool Control::answer(const net::HttpRequest& request, net::HttpReply& reply) {
  if (request.path == "/healthz")
    reply.send({.content_type = "text/plain", .body = "ok\n"});
  else if (request.path == "/stats")
    all("stats", kJson, std::move(reply));
  else if (request.path == "/metrics")
    all("metrics", wire::PrometheusWriter::content_type, std::move(reply));
  else if (request.path == "/drain" && request.method == "POST")
    take_drain(request, std::move(reply));
  else if (request.path == "/lease" && request.method == "PUT")
    take_lease(request, std::move(reply));
  else
    return false;
  return true;
}

bool Control::is_told_by_controller(const net::HttpRequest& request, net::HttpReply& reply) const {
  constexpr std::string_view bearer = "Bearer ";
  const std::string_view shown = request.header("authorization");
  if (!token_.empty() && shown.starts_with(bearer) &&
      wire::constant_time_equal(shown.substr(bearer.size()), token_))
    return true;
  reply.send({.status = token_.empty() ? 403 : 401,
              .content_type = "text/plain",
              .body = token_.empty()
                          ? "It was started without UTAKATA_TOKEN: nobody may tell it that.\n"
                          : "Show the token that it was started with.\n"});
  return false;
}

void Control::take_drain(const net::HttpRequest& request, net::HttpReply reply) {
  if (!is_told_by_controller(request, reply)) return;
  const auto order = read_drain_order(request.body);
  if (!order)
    return reply.send({.status = 400, .content_type = "text/plain", .body = order.error().what});
  all(fmt::format("drain {}", request.body), kJson, std::move(reply));
}

// Who lends it time sends `PUT /lease?ms=10000` again before that is over.
void Control::take_lease(const net::HttpRequest& request, net::HttpReply reply) {
  if (!is_told_by_controller(request, reply)) return;
  const std::string text = api_parameter(request.query, "ms");
  std::int64_t ms = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || ms < 100 ||
      ms > 86'400'000)
    return reply.send({.status = 400,
                       .content_type = "text/plain",
                       .body = "`ms` must be a whole number from 100 to 86400000.\n"});
  all(fmt::format("lease {}", ms), kJson, std::move(reply));
}

void Control::all(const std::string& order, std::string_view type, net::HttpReply reply) {
  if (!host_) return reply.send({.content_type = type, .body = obey(order)});
  auto kept = std::make_shared<net::HttpReply>(std::move(reply));
  host_->ask(order, [kept, type](std::optional<std::string_view> answer) {
    if (answer) return kept->send({.content_type = type, .body = *answer});
    kept->send({.status = 503,
                .content_type = "text/plain",
                .body = "Its workers did not answer in time: try again.\n"});
  });
}

std::string Control::obey(std::string_view order) {
  const std::string_view what = order.substr(0, order.find(' '));
  const std::string_view rest = order.substr(std::min(order.size(), what.size() + 1));
  if (what == "metrics") return calls_.metrics();
  if (what == "drain") {
    auto read = read_drain_order(rest);
    if (!read) return "{}";
    // Each takes its part.
    read->pace /= double(workers_);
    if (read->most)
      *read->most = (*read->most + std::int64_t(workers_) - 1) / std::int64_t(workers_);
    calls_.drain(*read);
  }
  if (what == "lease") {
    std::int64_t ms = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), ms);
    calls_.lend(std::chrono::milliseconds(ms));
    return "{}";
  }
  return calls_.stats();
}

}  // namespace utakata::realtime
