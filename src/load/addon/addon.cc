// The load engine's door into Node: utakata-load.node (Node-API 8, so any Node from 18 on). One
// engine for each process, on Node's own loop. What JavaScript sees is listed at the end.
#include <node_api.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <string>

#include "load/addon/call.h"
#include "load/addon/engine.h"
#include "load/addon/http.h"
#include "load/addon/users.h"
#include "load/addon/values.h"

namespace utakata::load {
namespace {

// start({ opened, message, ended, answered, failed, user, leave, over })
napi_value start(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value functions = nullptr;
  uv_loop_s* uv = nullptr;
  napi_get_cb_info(env, info, &count, &functions, nullptr, nullptr);
  if (napi_get_uv_event_loop(env, &uv) != napi_ok || engine_of(env)) {
    throw_error(env, "the engine is started once");
    return nullptr;
  }
  engine_of(env) = std::make_unique<Engine>(env, uv, functions);
  // A scenario that loops for ever does not see that its parent is gone.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return undefined(env);
}

// trust(ca_file, is_insecure): whom wss: and https: believe; '': the system's authorities
napi_value trust(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info);
  if (!call.is_good) return nullptr;
  const auto ca_file = call.text(0);
  bool is_insecure = false;
  napi_get_value_bool(env, call.arguments[1], &is_insecure);
  if (!ca_file) return nullptr;
  const auto done = call.engine->trust({.ca_file = *ca_file, .is_insecure = is_insecure});
  if (!done) throw_error(env, done.error().what);
  return undefined(env);
}

// sources(text, worker, of): where this worker's connections come from; see sources.h. '': as it is
// without
napi_value sources(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info);
  if (!call.is_good) return nullptr;
  const auto text = call.text(0);
  const auto worker = call.number(1), workers = call.number(2);
  if (!text || !worker || !workers) return nullptr;
  if (*worker >= *workers) {
    throw_error(env, "of n workers one has a number below n");
    return nullptr;
  }
  const auto used = call.engine->sources().use(*text, {.worker = *worker, .workers = *workers});
  if (!used) throw_error(env, used.error().what);
  return undefined(env);
}

// dial(addresses, port, host, target, headers, deadline_ms, tls_name, compression) -> slot
// addresses: in numbers, joined by commas, in the order that they are tried. tls_name: whom the
// certificate must name; '': in the clear. compression: it is offered
napi_value dial(napi_env env, napi_callback_info info) {
  const Call<8> call(env, info);
  if (!call.is_good) return nullptr;
  const auto to = call.addresses(0, 1);
  const auto host = call.text(2), target = call.text(3), headers = call.text(4);
  const auto deadline = call.number(5);
  const auto name = call.text(6);
  bool offers_deflate = false;
  napi_get_value_bool(env, call.arguments[7], &offers_deflate);
  if (!to || !host || !target || !headers || !deadline || !name) return nullptr;
  const auto tls = call.tls_to(*name);
  if (!tls) return nullptr;
  return number_value(env,
                      call.engine->sockets().dial({.addresses = *to,
                                                   .host = *host,
                                                   .target = *target,
                                                   .headers = *headers,
                                                   .deadline = std::chrono::milliseconds(*deadline),
                                                   .tls = *tls,
                                                   .name = *name,
                                                   .offers_deflate = offers_deflate}));
}

// send(slot, text or bytes): what waits to be sent then, in bytes
napi_value send(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info);
  if (!call.is_good) return nullptr;
  const auto slot = call.number(0);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, call.arguments[1], &type);
  const bool is_text = type == napi_string;
  const auto payload = is_text ? text_of(env, call.arguments[1], call.engine->text)
                               : bytes_of(env, call.arguments[1]);
  if (!slot || !payload) return nullptr;
  call.engine->send(*slot, is_text ? wire::WebSocketKind::text : wire::WebSocketKind::binary,
                    *payload);
  return number_value(env, double(call.engine->sockets().backlog(*slot)));
}

// close(slot, code, reason)
napi_value close(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info);
  if (!call.is_good) return nullptr;
  const auto slot = call.number(0), code = call.number(1);
  const auto reason = call.text(2);
  if (!slot || !code || !reason) return nullptr;
  call.engine->sockets().close(*slot, std::uint16_t(*code), *reason);
  return undefined(env);
}

// backlog(slot): bytes
napi_value backlog(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info);
  if (!call.is_good) return nullptr;
  const auto slot = call.number(0);
  return slot ? number_value(env, double(call.engine->sockets().backlog(*slot))) : nullptr;
}

// unsent(): bytes of all sockets that the kernel has not taken
napi_value unsent(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info);
  return call.is_good ? number_value(env, double(call.engine->sockets().backlog())) : nullptr;
}

// sockets(): how many there are
napi_value sockets(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info);
  return call.is_good ? number_value(env, double(call.engine->sockets().count())) : nullptr;
}

constexpr std::array kKinds = {MetricKind::counter, MetricKind::rate, MetricKind::trend,
                               MetricKind::gauge};

// [name, value, ...]; none: an exception was thrown.
std::optional<Tags> tags_of(napi_env env, napi_value list) {
  std::uint32_t words = 0;
  napi_get_array_length(env, list, &words);
  Tags tags(words / 2);
  std::string kept;
  for (std::uint32_t at = 0; at / 2 < tags.size(); ++at) {
    napi_value word = nullptr;
    napi_get_element(env, list, at, &word);
    const auto text = text_of(env, word, kept);
    if (!text) return std::nullopt;
    (at % 2 == 0 ? tags[at / 2].name : tags[at / 2].value) = *text;
  }
  return tags;
}

// metric(kind, name, [tag, value, ...]) -> id
napi_value metric(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info);
  if (!call.is_good) return nullptr;
  const auto kind_name = call.text(0), name = call.text(1);
  if (!kind_name || !name) return nullptr;
  const auto tags = tags_of(env, call.arguments[2]);
  if (!tags) return nullptr;
  const auto kind =
      std::ranges::find(kKinds, *kind_name, [](MetricKind one) { return to_text(one); });
  if (kind == kKinds.end()) {
    throw_error(env, "a metric is a counter, rate, trend or gauge, not a " + *kind_name);
    return nullptr;
  }
  const auto id = call.engine->metrics().id(*kind, *name, *tags);
  if (id) return number_value(env, double(id->index) * kKinds.size() + (kind - kKinds.begin()));
  throw_error(env, id.error().what);
  return nullptr;
}

// record(id, number); of a trend: microseconds
napi_value record(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info);
  double id = 0, number = 0;
  if (!call.is_good) return nullptr;
  if (napi_get_value_double(env, call.arguments[0], &id) != napi_ok ||
      napi_get_value_double(env, call.arguments[1], &number) != napi_ok) {
    napi_throw_type_error(env, nullptr, "a metric is recorded as a number");
    return nullptr;
  }
  const auto whole = std::uint64_t(id);
  const MetricId metric{.index = std::uint32_t(whole / kKinds.size())};
  Metrics& metrics = call.engine->metrics();
  switch (kKinds[whole % kKinds.size()]) {
    case MetricKind::counter:
      metrics.count(metric, number);
      break;
    case MetricKind::rate:
      metrics.rate(metric, number != 0);
      break;
    case MetricKind::trend:
      metrics.trend(metric, std::int64_t(std::clamp(number, -1.0, 1e12)));
      break;
    case MetricKind::gauge:
      metrics.gauge(metric, number);
      break;
  }
  return undefined(env);
}

// take(): all that was recorded since the last, as a line for Metrics::add()
napi_value take(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info);
  return call.is_good ? text_value(env, call.engine->metrics().take()) : nullptr;
}

}  // namespace
}  // namespace utakata::load

NAPI_MODULE_INIT() {
  using namespace utakata::load;
  // Before Node's loop ends, so that it sees our handles closed.
  auto* const engine = new std::unique_ptr<Engine>;
  napi_set_instance_data(env, engine, [](napi_env, void*, void*) {}, nullptr);
  napi_add_async_cleanup_hook(
      env,
      [](napi_async_cleanup_hook_handle handle, void* data) {
        delete static_cast<std::unique_ptr<Engine>*>(data);
        napi_remove_async_cleanup_hook(handle);
      },
      engine, nullptr);
  add(env, exports, "start", start);
  add(env, exports, "trust", trust);
  add(env, exports, "sources", sources);
  add(env, exports, "dial", dial);
  add(env, exports, "send", send);
  add(env, exports, "close", close);
  add(env, exports, "backlog", backlog);
  add(env, exports, "unsent", unsent);
  add(env, exports, "sockets", sockets);
  add(env, exports, "metric", metric);
  add(env, exports, "record", record);
  add(env, exports, "take", take);
  add_http(env, exports);
  add_users(env, exports);
  return exports;
}
