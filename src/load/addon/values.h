// Node-API's values and ours. A call that fails has left an exception in JavaScript: who sees that
// returns at once.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::load {

bool is_ascii(std::string_view text);
napi_value text_value(napi_env env, std::string_view utf8);
napi_value bytes_text_value(napi_env env, std::string_view bytes);  // a character for each byte
napi_value number_value(napi_env env, double number);
napi_value bytes_value(napi_env env, std::string_view bytes);  // a new ArrayBuffer

// `kept` is written to where the value has to be converted; a view is valid as long as neither
// it nor the value changes. None: it is something else, and a TypeError was thrown.
std::optional<std::string_view> text_of(napi_env env, napi_value value, std::string& kept);
std::optional<std::string_view> bytes_of(napi_env env, napi_value value);  // ArrayBuffer or a view
std::optional<std::uint32_t> number_of(napi_env env, napi_value value);

napi_value undefined(napi_env env);
void throw_error(napi_env env, const std::string& sentence);

}  // namespace utakata::load
