#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <limits>

#include "fleet/probe/http/reader.h"

namespace utakata {
namespace {

namespace json = simdjson::ondemand;

struct Path {
  std::string text;
  std::vector<std::string> steps;
};

Path path_of(const std::string& text) {
  Path path{text, {}};
  std::size_t begin = 0;
  for (;;) {
    const auto dot = text.find('.', begin);
    path.steps.push_back(text.substr(begin, dot - begin));
    if (dot == text.npos) return path;
    begin = dot + 1;
  }
}

simdjson::simdjson_result<json::value> member(json::value value, const std::string& step) {
  json::json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type == json::json_type::object) return value.find_field_unordered(step);
  if (type != json::json_type::array) return simdjson::NO_SUCH_FIELD;
  std::size_t index = 0;
  const auto [end, bad] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (bad != std::errc{} || end != step.data() + step.size()) return simdjson::NO_SUCH_FIELD;
  return value.at(index);
}

// The value at the path. The whole path is tried as one name last.
simdjson::simdjson_result<json::value> walk(json::document& document, const Path& path) {
  document.rewind();
  json::value here{};
  simdjson::error_code error = document.get_value().get(here);
  for (std::size_t i = 0; !error && i < path.steps.size(); ++i)
    error = member(here, path.steps[i]).get(here);
  if (!error) return here;
  if (path.steps.size() == 1) return error;
  document.rewind();
  if (document.get_value().get(here) || member(here, path.text).get(here)) return error;
  return here;
}

Expected<double> number_at(json::document& document, const Path& path) {
  const auto refuse = [&](const std::string& what) {
    return problem(Problem::Kind::invalid, fmt::format("field {} {}", path.text, what));
  };
  json::value value{};
  const auto error = walk(document, path).get(value);
  if (error == simdjson::NO_SUCH_FIELD || error == simdjson::INDEX_OUT_OF_BOUNDS)
    return refuse("is missing");
  if (error) return refuse(fmt::format("cannot be read: {}", simdjson::error_message(error)));
  json::json_type type{};
  if (value.type().get(type)) return refuse("cannot be read: the answer is not JSON");
  if (type == json::json_type::number) {
    double number = 0;
    const std::string_view token = value.raw_json_token();
    const std::string found(token.substr(0, token.find_last_not_of(" \r\n\t") + 1));
    if (!value.get_double().get(number)) return number;
    return refuse(fmt::format("is {}, which is not a number that can be used", excerpt(found)));
  }
  const std::string_view token = value.raw_json_token();
  switch (type) {
    case json::json_type::null:
      return refuse("is null");
    case json::json_type::object:
      return refuse("is an object, not a number");
    case json::json_type::array:
      return refuse("is a list, not a number");
    case json::json_type::string:
    case json::json_type::boolean:
    case json::json_type::number:
      break;
  }
  return refuse(fmt::format("is {}, not a number",
                            excerpt(token.substr(0, token.find_last_not_of(" \r\n\t") + 1))));
}

class JsonReader final : public CountReader {
 public:
  explicit JsonReader(const ClusterSpec& spec) : connections_(path_of(spec.count.connections)) {
    if (!spec.count.accepted.empty()) accepted_ = path_of(spec.count.accepted);
    for (std::size_t i = 1; i < spec.metrics.size(); ++i)
      metrics_.push_back(path_of(spec.metrics[i]));
  }

  Expected<Reading> read(std::string& body) override {
    if (body.find_first_not_of(" \t\r\n") == body.npos)
      return problem(Problem::Kind::invalid, "the answer is empty");
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    json::document document;
    const simdjson::padded_string_view padded(body.data(), body.size(), body.capacity());
    if (const auto error = parser_.iterate(padded).get(document)) return not_json(body, error);
    json::json_type type{};
    if (const auto error = document.type().get(type)) return not_json(body, error);
    if (type != json::json_type::object && type != json::json_type::array)
      return problem(Problem::Kind::invalid,
                     fmt::format("the answer is {}, not a JSON object", excerpt(body)));
    return read_all(document);
  }

 private:
  static std::unexpected<Problem> not_json(const std::string& body, simdjson::error_code error) {
    if (error == simdjson::UTF8_ERROR)
      return problem(Problem::Kind::invalid, "the answer is not UTF-8");
    return problem(Problem::Kind::invalid,
                   fmt::format("the answer is {}, not JSON", excerpt(body)));
  }

  Expected<Reading> read_all(json::document& document) const {
    Reading reading;
    const auto found = number_at(document, connections_);
    const auto connections = found ? connections_from("field " + connections_.text, *found)
                                   : std::unexpected(found.error());
    if (!connections) return std::unexpected(connections.error());
    reading.connections = *connections;
    reading.metrics.push_back(*connections);
    if (accepted_) {
      const auto told = number_at(document, *accepted_);
      const auto accepted =
          told ? accepted_from("field " + accepted_->text, *told) : std::unexpected(told.error());
      if (accepted)
        reading.accepted = *accepted;
      else
        reading.complaint = accepted.error().what;
    }
    for (const Path& path : metrics_) {
      const auto number = number_at(document, path);
      if (!number) reading.complaint = number.error().what;
      reading.metrics.push_back(number.value_or(std::numeric_limits<double>::quiet_NaN()));
    }
    return reading;
  }

  const Path connections_;
  std::optional<Path> accepted_;
  std::vector<Path> metrics_;
  json::parser parser_;
};

}  // namespace

std::unique_ptr<CountReader> make_json_reader(const ClusterSpec& spec) {
  return std::make_unique<JsonReader>(spec);
}

}  // namespace utakata
