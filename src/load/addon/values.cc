#include "load/addon/values.h"

#include <algorithm>
#include <cstring>

namespace utakata::load {
namespace {

constexpr std::size_t kUsual = 4096;  // most texts are no longer, and are converted in one go

}  // namespace

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

napi_value text_value(napi_env env, std::string_view utf8) {
  if (is_ascii(utf8)) return bytes_text_value(env, utf8);  // nothing to decode
  napi_value value = nullptr;
  napi_create_string_utf8(env, utf8.data(), utf8.size(), &value);
  return value;
}

napi_value bytes_text_value(napi_env env, std::string_view bytes) {
  napi_value value = nullptr;
  napi_create_string_latin1(env, bytes.data(), bytes.size(), &value);
  return value;
}

napi_value number_value(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

napi_value bytes_value(napi_env env, std::string_view bytes) {
  void* data = nullptr;
  napi_value value = nullptr;
  napi_create_arraybuffer(env, bytes.size(), &data, &value);
  if (data) std::memcpy(data, bytes.data(), bytes.size());
  return value;
}

std::optional<std::string_view> text_of(napi_env env, napi_value value, std::string& kept) {
  std::size_t size = 0;
  if (kept.size() < kUsual) kept.resize(kUsual);
  if (napi_get_value_string_utf8(env, value, kept.data(), kept.size(), &size) != napi_ok) {
    napi_throw_type_error(env, nullptr, "a text is needed");
    return std::nullopt;
  }
  if (size + 4 < kept.size()) return std::string_view(kept).substr(0, size);
  // It may have been cut, at the last whole character.
  napi_get_value_string_utf8(env, value, nullptr, 0, &size);
  kept.resize(size + 4);
  napi_get_value_string_utf8(env, value, kept.data(), kept.size(), &size);
  return std::string_view(kept).substr(0, size);
}

std::optional<std::string_view> bytes_of(napi_env env, napi_value value) {
  void* data = nullptr;
  std::size_t size = 0;
  bool is_view = false;
  if (napi_get_arraybuffer_info(env, value, &data, &size) == napi_ok)
    return std::string_view(static_cast<const char*>(data), size);
  if (napi_is_buffer(env, value, &is_view) == napi_ok && is_view &&
      napi_get_buffer_info(env, value, &data, &size) == napi_ok)  // any Uint8Array
    return std::string_view(static_cast<const char*>(data), size);
  napi_throw_type_error(env, nullptr, "an ArrayBuffer or a Uint8Array is needed");
  return std::nullopt;
}

std::optional<std::uint32_t> number_of(napi_env env, napi_value value) {
  std::uint32_t number = 0;
  if (napi_get_value_uint32(env, value, &number) == napi_ok) return number;
  napi_throw_type_error(env, nullptr, "a number is needed");
  return std::nullopt;
}

napi_value undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

void throw_error(napi_env env, const std::string& sentence) {
  napi_throw_error(env, nullptr, sentence.c_str());
}

}  // namespace utakata::load
