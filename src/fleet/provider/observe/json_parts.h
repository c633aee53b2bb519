// What others' JSON holds, read without trust. Pure.
#pragma once

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace utakata {

// Null: `json` is no object, or has no such key.
inline const nlohmann::json* part_of(const nlohmann::json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? nullptr : &*found;
}

// Empty: no such text.
inline std::string text_of(const nlohmann::json& json, const char* name) {
  const auto* const found = part_of(json, name);
  return found && found->is_string() ? found->get<std::string>() : std::string();
}

// A whole number, as one or as text: environments have both.
inline std::optional<std::int64_t> number_of(const nlohmann::json& json, const char* name) {
  const auto* const found = part_of(json, name);
  if (found && found->is_number_integer()) return found->get<std::int64_t>();
  const std::string text = text_of(json, name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

}  // namespace utakata
