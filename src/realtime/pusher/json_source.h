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
  static std::string text_of(const simdjson::dom::object& from, std::string_view key) {
    std::string_view text;
    return from[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
  }
  // A value as JSON; empty: there is none.
  static std::string json_of(const simdjson::dom::object& from, std::string_view key) {
    simdjson::dom::element value;
    return from[key].get(value) == simdjson::SUCCESS ? simdjson::minify(value) : std::string();
  }
};

}  // namespace utakata::realtime
