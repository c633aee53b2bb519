#include "load/addon/engine.h"

#include <array>
#include <string>
#include <utility>

#include "load/addon/measured.h"

namespace utakata::load {
namespace {

constexpr std::array kPhases = {"connect", "tls", "handshake", "first_message", "open"};

}  // namespace

SocketMetrics::SocketMetrics(Metrics& of)
    : all(of),
      tcp(made(of, MetricKind::trend, "ws_tcp_connecting")),
      handshake(made(of, MetricKind::trend, "ws_handshaking")),
      connecting(made(of, MetricKind::trend, "ws_connecting")),
      first_message(made(of, MetricKind::trend, "ws_first_message")),
      sessions(made(of, MetricKind::counter, "ws_sessions")),
      sent(made(of, MetricKind::counter, "ws_msgs_sent")),
      received(made(of, MetricKind::counter, "ws_msgs_received")),
      bytes_sent(made(of, MetricKind::counter, "data_sent")),
      bytes_received(made(of, MetricKind::counter, "data_received")) {}

void SocketMetrics::opened(const WebSocketOpened& opened) const {
  all.trend(tcp, microseconds(opened.connect));
  all.trend(handshake, microseconds(opened.handshake));
  all.trend(connecting, microseconds(opened.connect + opened.tls + opened.handshake));
  all.count(sessions);
}

void SocketMetrics::said(std::size_t bytes) const {
  all.count(sent);
  all.count(bytes_sent, double(bytes));
}

void SocketMetrics::heard(std::size_t bytes) const {
  all.count(received);
  all.count(bytes_received, double(bytes));
}

void SocketMetrics::ended(const WebSocketEnd& end) const {
  const Tag phase{"phase", kPhases[std::size_t(end.phase)]};
  const std::array tags = {Tag{"code", std::to_string(end.code)}, phase};
  if (const auto id = all.id(MetricKind::counter, "ws_closed", tags)) all.count(*id);
  if (is_fault(end.failure)) count_fault(all, "ws_errors", phase.value, end.failure, end.status);
}

Engine::Engine(napi_env env, uv_loop_s* uv, napi_value functions)
    : loop_(uv),
      caller_(env, functions),
      measured_(metrics_),
      sockets_(
          loop_, {}, sources_,
          {.opened = [this](Slot slot, const auto& opening) { opened(slot, opening); },
           .message = [this](Slot slot, auto kind, auto payload) { message(slot, kind, payload); },
           .first_message =
               [this](Duration since) {
                 metrics_.trend(measured_.first_message, microseconds(since));
               },
           .ended = [this](Slot slot, const auto& end) { ended(slot, end); }}),
      http_(loop_, sources_, caller_, metrics_) {}

Expected<void> Engine::trust(const net::TlsTrust& trust) {
  auto opened = net::TlsDialler::open(trust);
  if (!opened) return std::unexpected(opened.error());
  diallers_.push_back(std::move(*opened));
  return {};
}

Expected<const net::TlsDialler*> Engine::tls() {
  if (diallers_.empty())
    if (const auto opened = trust({}); !opened) return std::unexpected(opened.error());
  return diallers_.back().get();
}

void Engine::begin(const LoadPlan& plan, Part part, Duration in) {
  users_ = std::make_unique<Users>(loop_, caller_, plan, part, in);
}

bool Engine::send(Slot slot, wire::WebSocketKind kind, std::string_view payload) {
  const bool is_sent = sockets_.send(slot, kind, payload);
  if (is_sent) measured_.said(payload.size());
  return is_sent;
}

// opened(slot, protocol, extensions)
void Engine::opened(Slot slot, const WebSocketOpened& opened) {
  measured_.opened(opened);
  const Scope scope(caller_.env());
  caller_.call("opened", std::array{number_value(caller_.env(), slot),
                                    text_value(caller_.env(), opened.protocol),
                                    text_value(caller_.env(), opened.extensions)});
}

// message(slot, text or ArrayBuffer)
void Engine::message(Slot slot, wire::WebSocketKind kind, std::string_view payload) {
  measured_.heard(payload.size());
  const Scope scope(caller_.env());
  caller_.call("message",
               std::array{number_value(caller_.env(), slot),
                          kind == wire::WebSocketKind::text ? text_value(caller_.env(), payload)
                                                            : bytes_value(caller_.env(), payload)});
}

// ended(slot, phase, code, reason, is_clean, what, kind)
void Engine::ended(Slot slot, const WebSocketEnd& end) {
  measured_.ended(end);
  napi_env env = caller_.env();
  const Scope scope(env);
  napi_value is_clean = nullptr;
  napi_get_boolean(env, end.is_clean, &is_clean);
  caller_.call("ended",
               std::array{number_value(env, slot), text_value(env, kPhases[std::size_t(end.phase)]),
                          number_value(env, end.code), text_value(env, end.reason), is_clean,
                          text_value(env, end.what), text_value(env, to_text(end.failure))});
}

}  // namespace utakata::load
