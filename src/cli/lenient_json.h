// JSON fields by name, with a plain answer where they are missing or of another kind. For .cc files
// only: it is heavy.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace utakata {

inline nlohmann::json json_from(const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  return json.is_object() ? json : nlohmann::json::object();
}
inline std::string text_in(const nlohmann::json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}
inline std::optional<long long> number_in(const nlohmann::json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  if (found == json.end() || !found->is_number()) return std::nullopt;
  if (found->is_number_integer()) return found->get<long long>();
  const double number = found->get<double>();
  return number > -1e15 && number < 1e15 ? std::optional<long long>(static_cast<long long>(number))
                                         : std::nullopt;
}
inline bool flag_in(const nlohmann::json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found != json.end() && found->is_boolean() && found->get<bool>();
}
inline const nlohmann::json& list_in(const nlohmann::json& json, const char* name) {
  static const nlohmann::json none = nlohmann::json::array();
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found != json.end() && found->is_array() ? *found : none;
}
inline const nlohmann::json& object_in(const nlohmann::json& json, const char* name) {
  static const nlohmann::json none = nlohmann::json::object();
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found != json.end() && found->is_object() ? *found : none;
}

// They answer a part of what they are given, which must not be about to vanish.
const nlohmann::json& list_in(nlohmann::json&& json, const char* name) = delete;
const nlohmann::json& object_in(nlohmann::json&& json, const char* name) = delete;

}  // namespace utakata
