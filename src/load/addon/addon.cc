// The load engine's door into Node: utakata-load.node (Node-API 8, so any Node from 18 on). One
// engine for each process, on Node's own loop. What JavaScript sees is listed at the end.
#include <node_api.h>

#include <array>
#include <memory>
#include <string>

#include "load/addon/values.h"
#include "load/client/websockets.h"

namespace utakata::load {
namespace {

// Calls into JavaScript, each with its microtasks behind it: between two messages of one socket
// what awaits the first must run.
class Caller {
 public:
  Caller(napi_env env, napi_value functions) : env_(env) {
    napi_value name = text_value(env, "utakata-load"), receiver = nullptr;
    napi_create_object(env, &receiver);
    napi_create_reference(env, functions, 1, &functions_);
    napi_async_init(env, receiver, name, &context_);
    napi_create_reference(env, receiver, 1, &receiver_);
  }
  ~Caller() { napi_async_destroy(env_, context_); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  napi_env env() const { return env_; }
  // A scope for the arguments is the caller's to open.
  template <std::size_t count>
  void call(const char* name, const std::array<napi_value, count>& arguments) {
    napi_value functions, function, receiver, result;
    napi_get_reference_value(env_, functions_, &functions);
    napi_get_reference_value(env_, receiver_, &receiver);
    napi_get_named_property(env_, functions, name, &function);
    if (napi_make_callback(env_, context_, receiver, function, count, arguments.data(), &result) ==
        napi_ok)
      return;
    napi_value error = nullptr;
    bool is_pending = false;
    napi_is_exception_pending(env_, &is_pending);
    if (!is_pending) return;
    napi_get_and_clear_last_exception(env_, &error);
    napi_fatal_exception(env_, error);  // as an exception in any other callback: uncaughtException
  }

 private:
  napi_env env_;
  napi_ref functions_ = nullptr, receiver_ = nullptr;
  napi_async_context context_ = nullptr;
};

struct Scope {
  explicit Scope(napi_env of) : env(of) { napi_open_handle_scope(env, &scope); }
  ~Scope() { napi_close_handle_scope(env, scope); }
  napi_env env;
  napi_handle_scope scope = nullptr;
};

constexpr std::array kPhases = {"connect", "handshake", "open"};

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

class Engine {
 public:
  Engine(napi_env env, uv_loop_s* uv, napi_value functions)
      : loop_(uv), caller_(env, functions), sockets_(loop_, {}, socket_calls()) {}
  WebSockets& sockets() { return sockets_; }

  std::string text, more;  // for conversions

 private:
  WebSockets::Calls socket_calls() {
    return {.opened =
                [this](Slot slot, const WebSocketOpened& opened) {
                  const Scope scope(caller_.env());
                  caller_.call("opened",
                               std::array{number(slot), text_value(caller_.env(), opened.protocol),
                                          number(microseconds(opened.connect)),
                                          number(microseconds(opened.handshake))});
                },
            .message =
                [this](Slot slot, wire::WebSocketKind kind, std::string_view payload) {
                  const Scope scope(caller_.env());
                  caller_.call("message",
                               std::array{number(slot), kind == wire::WebSocketKind::text
                                                            ? text_value(caller_.env(), payload)
                                                            : bytes_value(caller_.env(), payload)});
                },
            .ended =
                [this](Slot slot, const WebSocketEnd& end) {
                  const Scope scope(caller_.env());
                  napi_value is_clean = nullptr;
                  napi_get_boolean(caller_.env(), end.is_clean, &is_clean);
                  caller_.call(
                      "ended",
                      std::array{number(slot),
                                 text_value(caller_.env(), kPhases[std::size_t(end.phase)]),
                                 number(end.code), text_value(caller_.env(), end.reason), is_clean,
                                 text_value(caller_.env(), end.what)});
                }};
  }
  napi_value number(double value) { return number_value(caller_.env(), value); }

  net::Loop loop_;
  Caller caller_;
  WebSockets sockets_;
};

std::unique_ptr<Engine>& engine_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<std::unique_ptr<Engine>*>(data);
}

// The arguments of a call, and the engine, which start() has made.
template <std::size_t count>
struct Call {
  Call(napi_env of, napi_callback_info info) : env(of), engine(engine_of(of).get()) {
    std::size_t given = count;
    napi_get_cb_info(env, info, &given, arguments.data(), nullptr, nullptr);
    is_good = given >= count && engine;
    if (!is_good) throw_error(env, "call start() first, and with all arguments");
  }
  std::optional<std::uint32_t> number(std::size_t at) const {
    return number_of(env, arguments[at]);
  }
  std::optional<std::string> text(std::size_t at) const {
    const auto view = text_of(env, arguments[at], engine->text);
    return view ? std::optional<std::string>(*view) : std::nullopt;
  }
  napi_env env;
  Engine* engine;
  std::array<napi_value, count> arguments{};
  bool is_good = false;
};

// start({ opened, message, ended })
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
  return undefined(env);
}

// dial(address, port, source, host, target, headers, deadline_ms) -> slot
napi_value dial(napi_env env, napi_callback_info info) {
  const Call<7> call(env, info);
  if (!call.is_good) return nullptr;
  const auto address = call.text(0);
  const auto port = call.number(1);
  const auto source = call.text(2);
  const auto host = call.text(3), target = call.text(4), headers = call.text(5);
  const auto deadline = call.number(6);
  if (!address || !port || !source || !host || !target || !headers || !deadline) return nullptr;
  const auto to = net::numeric_address(*address, std::uint16_t(*port));
  const auto from = source->empty() ? net::TcpAddress{} : net::numeric_address(*source, 0);
  if (!to || !from) {
    throw_error(env, "an address in numbers is needed, not " + (to ? *source : *address));
    return nullptr;
  }
  return number_value(
      env, call.engine->sockets().dial({.address = *to,
                                        .source = *from,
                                        .host = *host,
                                        .target = *target,
                                        .headers = *headers,
                                        .deadline = std::chrono::milliseconds(*deadline)}));
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
  WebSockets& sockets = call.engine->sockets();
  sockets.send(*slot, is_text ? wire::WebSocketKind::text : wire::WebSocketKind::binary, *payload);
  return number_value(env, double(sockets.backlog(*slot)));
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

void add(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, exports, name, value);
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
  add(env, exports, "dial", dial);
  add(env, exports, "send", send);
  add(env, exports, "close", close);
  add(env, exports, "backlog", backlog);
  return exports;
}
