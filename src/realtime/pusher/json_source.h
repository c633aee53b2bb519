// A JSON text as it came, read once: its values, and parts of it as they were written. For readers
// of protocols; heavy (simdjson), so include it in .cc files only.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

namespace utakata::realtime {

struct JsonSource {
  simdjson::dom::parser dom;
  simdjson::ondemand::parser raw;
  std::string text;  // with room behind it

  void hold(std::string_view from) {
    text.reserve(from.size() + simdjson::SIMDJSON_PADDING);
    text = from;
  }
  // Whole and right, so that what is passed on raw harms nobody who reads it.
  simdjson::simdjson_result<simdjson::dom::element> parse(std::string_view from) {
    hold(from);
    return dom.parse(text.data(), text.size(), false);
  }
  // What was parsed last, once more, for raw parts of it.
  simdjson::simdjson_result<simdjson::ondemand::document> again() {
    return raw.iterate(simdjson::padded_string_view(text.data(), text.size(), text.capacity()));
  }
  // Empty: it cannot be read.
  static std::string as_written(simdjson::ondemand::value& value) {
    simdjson::ondemand::object as_object;
    simdjson::ondemand::array as_array;
    std::string_view json;
    if (value.is_scalar())
      json = value.raw_json_token();
    else if ((value.get_object().get(as_object) || as_object.raw_json().get(json)) &&
             (value.get_array().get(as_array) || as_array.raw_json().get(json)))
      return {};
    return std::string(json.substr(0, json.find_last_not_of(" \t\r\n") + 1));
  }
  // The same, and right in itself: for what nobody else has looked at. Not of the deepest ones.
  static std::string checked(simdjson::ondemand::document& of, simdjson::ondemand::value value) {
    const std::string_view begin = value.raw_json_token();
    const char* end = begin.data() + begin.size();
    const bool is_nested = begin.starts_with('{') || begin.starts_with('[');
    if (!is_right(value, 0) || (is_nested && of.current_location().get(end))) return {};
    const std::string_view json(begin.data(), std::size_t(end - begin.data()));
    return std::string(json.substr(0, json.find_last_not_of(" \t\r\n") + 1));
  }
  static std::string text_of(const simdjson::dom::object& from, std::string_view key) {
    std::string_view text;
    return from[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
  }
  // A value as JSON; empty: there is none.
  static std::string json_of(const simdjson::dom::object& from, std::string_view key) {
    simdjson::dom::element value;
    return from[key].get(value) == simdjson::SUCCESS ? simdjson::minify(value) : std::string();
  }

 private:
  // Reads it to its end.
  static bool is_right(simdjson::ondemand::value value, int depth) {
    using simdjson::ondemand::json_type;
    json_type type;
    if (depth > 32 || value.type().get(type)) return false;
    bool is_null = false;
    std::string_view as_text;
    simdjson::ondemand::number as_number;
    simdjson::ondemand::array as_array;
    simdjson::ondemand::object as_object;
    switch (type) {
      case json_type::string:
        // Only what is escaped can be wrong in a text that has an end.
        return !value.raw_json_token().contains('\\') || !value.get(as_text);
      case json_type::number:
        return !value.get_number().get(as_number);
      case json_type::boolean:
        return !value.get_bool().error();
      case json_type::null:
        return !value.is_null().get(is_null) && is_null;
      case json_type::array:
        if (value.get_array().get(as_array)) return false;
        for (auto each : as_array)
          if (each.error() || !is_right(each.value_unsafe(), depth + 1)) return false;
        return true;
      case json_type::object:
        if (value.get_object().get(as_object)) return false;
        for (auto each : as_object)
          if (each.error() || each.unescaped_key().error() ||
              !is_right(each.value_unsafe().value(), depth + 1))
            return false;
        return true;
    }
    return false;
  }
};

}  // namespace utakata::realtime
