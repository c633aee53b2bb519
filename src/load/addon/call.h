// Calls from JavaScript into the engine.
#pragma once

#include <node_api.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "load/addon/engine.h"
#include "load/addon/values.h"

namespace utakata::load {

inline std::unique_ptr<Engine>& engine_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<std::unique_ptr<Engine>*>(data);
}

// None: one is none.
inline std::optional<std::vector<net::TcpAddress>> addresses_in(std::string_view list,
                                                                std::uint16_t port) {
  std::vector<net::TcpAddress> found;
  for (;;) {
    const std::size_t comma = list.find(',');
    const auto one = net::numeric_address(std::string(list.substr(0, comma)), port);
    if (!one) return std::nullopt;
    found.push_back(*one);
    if (comma == list.npos) return found;
    list.remove_prefix(comma + 1);
  }
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
  // To dial: in numbers, joined by commas; and their port. None: an exception was thrown.
  std::optional<std::vector<net::TcpAddress>> addresses(std::size_t at, std::size_t port_at) const {
    const auto list = text(at);
    const auto port = number(port_at);
    if (!list || !port) return std::nullopt;
    auto found = addresses_in(*list, std::uint16_t(*port));
    if (!found) throw_error(env, "an address in numbers is needed, not " + *list);
    return found;
  }
  // For a connection to `host` by TLS; empty: in the clear. None: an exception was thrown.
  std::optional<const net::TlsDialler*> tls_to(const std::string& host) const {
    if (host.empty()) return nullptr;
    const auto tls = engine->tls();
    if (!tls) throw_error(env, tls.error().what);
    return tls ? std::optional(*tls) : std::nullopt;
  }
  napi_env env;
  Engine* engine;
  std::array<napi_value, count> arguments{};
  bool is_good = false;
};

inline void add(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, exports, name, value);
}

}  // namespace utakata::load
