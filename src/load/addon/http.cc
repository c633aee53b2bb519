#include "load/addon/http.h"

#include <array>
#include <string_view>

#include "load/addon/call.h"
#include "load/addon/measured.h"
#include "load/addon/values.h"

namespace utakata::load {
namespace {

constexpr std::array kPhases = {"connect", "tls", "send", "wait", "receive"};

napi_value milliseconds_value(napi_env env, Duration duration) {
  return number_value(env, std::chrono::duration<double, std::milli>(duration).count());
}

}  // namespace

HttpMetrics::HttpMetrics(Metrics& of)
    : all(of),
      requests(made(of, MetricKind::counter, "http_reqs")),
      failed(made(of, MetricKind::rate, "http_req_failed")),
      connecting(made(of, MetricKind::trend, "http_req_connecting")),
      handshaking(made(of, MetricKind::trend, "http_req_tls_handshaking")),
      sending(made(of, MetricKind::trend, "http_req_sending")),
      waiting(made(of, MetricKind::trend, "http_req_waiting")),
      receiving(made(of, MetricKind::trend, "http_req_receiving")),
      duration(made(of, MetricKind::trend, "http_req_duration")),
      bytes_sent(made(of, MetricKind::counter, "data_sent")),
      bytes_received(made(of, MetricKind::counter, "data_received")) {}

void HttpMetrics::answered(const HttpAnswer& answer) const {
  const HttpTimes& times = answer.times;
  all.count(requests);
  const bool is_failed = answer.status >= 400;
  all.rate(failed, is_failed);
  if (is_failed) count_fault(all, "http_errors", "status", FailureKind::status, answer.status);
  all.trend(connecting, microseconds(times.connect));
  all.trend(handshaking, microseconds(times.tls));
  all.trend(sending, microseconds(times.sent - times.connect - times.tls));
  all.trend(waiting, microseconds(times.first_byte - times.sent));
  all.trend(receiving, microseconds(times.whole - times.first_byte));
  all.trend(duration, microseconds(times.whole - times.connect - times.tls));
  all.count(bytes_sent, double(answer.bytes_sent));
  all.count(bytes_received, double(answer.head.size() + answer.body.size()));
}

void HttpMetrics::ended(const HttpFailure& failure) const {
  all.count(requests);
  all.rate(failed, true);
  count_fault(all, "http_errors", kPhases[std::size_t(failure.phase)], failure.kind, 0);
}

Http::Http(net::Loop& loop, Sources& sources, Caller& caller, Metrics& metrics)
    : caller_(caller),
      measured_(metrics),
      requests_(loop, {}, sources,
                {.answered = [this](RequestId id, const auto& answer) { answered(id, answer); },
                 .failed = [this](RequestId id, const auto& failure) { failed(id, failure); }}) {}

// answered(id, status, status_text, head, body, connect, sent, first_byte, whole): times in ms,
// each but the first from the beginning. The body is text where it is ASCII, which is told apart
// quickly and made into bytes again as easily; else an ArrayBuffer. The head's bytes are one
// character each.
void Http::answered(RequestId id, const HttpAnswer& answer) {
  measured_.answered(answer);
  napi_env env = caller_.env();
  const Scope scope(env);
  caller_.call("answered", std::array{number_value(env, id), number_value(env, answer.status),
                                      bytes_text_value(env, answer.status_text),
                                      bytes_text_value(env, answer.head),
                                      is_ascii(answer.body) ? bytes_text_value(env, answer.body)
                                                            : bytes_value(env, answer.body),
                                      milliseconds_value(env, answer.times.connect),
                                      milliseconds_value(env, answer.times.tls),
                                      milliseconds_value(env, answer.times.sent),
                                      milliseconds_value(env, answer.times.first_byte),
                                      milliseconds_value(env, answer.times.whole)});
}

// failed(id, phase, what, is_late)
void Http::failed(RequestId id, const HttpFailure& failure) {
  measured_.ended(failure);
  napi_env env = caller_.env();
  const Scope scope(env);
  napi_value is_late = nullptr;
  napi_get_boolean(env, failure.is_late, &is_late);
  caller_.call("failed", std::array{number_value(env, id),
                                    text_value(env, kPhases[std::size_t(failure.phase)]),
                                    text_value(env, failure.what), is_late});
}

void Http::abort(RequestId id, bool is_late) {
  const HttpPhase phase = requests_.abort(id);
  if (is_late) measured_.ended({.phase = phase, .kind = FailureKind::timed_out});
}

namespace {

// origin(addresses, port, host, tls_name) -> number
// addresses: in numbers, joined by commas, in the order that they are tried
// tls_name: whom the certificate must name; '': in the clear
napi_value origin(napi_env env, napi_callback_info info) {
  const Call<4> call(env, info);
  if (!call.is_good) return nullptr;
  const auto to = call.addresses(0, 1);
  const auto host = call.text(2), name = call.text(3);
  if (!to || !host || !name) return nullptr;
  const auto tls = call.tls_to(*name);
  if (!tls) return nullptr;
  return number_value(env, call.engine->http().origin(
                               {.addresses = *to, .host = *host, .tls = *tls, .name = *name}));
}

// http(origin, pool, method, target, headers, body, deadline_ms) -> id
// The body is a text, bytes or null. What is given is written as it is.
napi_value http(napi_env env, napi_callback_info info) {
  const Call<7> call(env, info);
  if (!call.is_good) return nullptr;
  const auto origin = call.number(0), pool = call.number(1), deadline = call.number(6);
  const auto method = call.text(2), target = call.text(3), headers = call.text(4);
  if (!origin || !pool || !deadline || !method || !target || !headers) return nullptr;
  std::optional<std::string_view> body;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, call.arguments[5], &type);
  if (type != napi_null) {
    body = type == napi_string ? text_of(env, call.arguments[5], call.engine->text)
                               : bytes_of(env, call.arguments[5]);
    if (!body) return nullptr;
  }
  return number_value(
      env, call.engine->http().request({.origin = *origin,
                                        .pool = *pool,
                                        .method = *method,
                                        .target = *target,
                                        .headers = *headers,
                                        .body = body,
                                        .deadline = std::chrono::milliseconds(*deadline)}));
}

// abort(id, is_late): neither answered() nor failed() is called
napi_value abort(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info);
  if (!call.is_good) return nullptr;
  const auto id = call.number(0);
  bool is_late = false;
  napi_get_value_bool(env, call.arguments[1], &is_late);
  if (!id) return nullptr;
  call.engine->abort(*id, is_late);
  return undefined(env);
}

// close_pool(pool): its user has gone
napi_value close_pool(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info);
  if (!call.is_good) return nullptr;
  const auto pool = call.number(0);
  if (!pool) return nullptr;
  call.engine->http().close_pool(*pool);
  return undefined(env);
}

}  // namespace

void add_http(napi_env env, napi_value exports) {
  add(env, exports, "origin", origin);
  add(env, exports, "http", http);
  add(env, exports, "abort", abort);
  add(env, exports, "close_pool", close_pool);
}

}  // namespace utakata::load
