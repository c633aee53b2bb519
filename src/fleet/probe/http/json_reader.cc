#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <limits>

#include "fleet/probe/http/reader.h"

namespace utakata {
namespace {

// The whole tree and not simdjson's on-demand view: that one must not be touched again after an
// error, does not see what is broken behind the fields asked for, and saves nothing at answers of
// this size.
namespace json = simdjson::dom;

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

std::optional<json::element> member(json::element here, const std::string& step) {
  json::element found;
  if (here.is_object()) {
    if (here.at_key(step).get(found)) return std::nullopt;
    return found;
  }
  std::size_t index = 0;
  const auto [end, bad] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (!here.is_array() || bad != std::errc{} || end != step.data() + step.size())
    return std::nullopt;
  if (here.at(index).get(found)) return std::nullopt;
  return found;
}

// The value at the path. The whole path is tried as one name last.
std::optional<json::element> walk(json::element whole, const Path& path) {
  std::optional<json::element> here = whole;
  for (std::size_t i = 0; here && i < path.steps.size(); ++i) here = member(*here, path.steps[i]);
  return here ? here : member(whole, path.text);
}

Expected<double> number_at(json::element whole, const Path& path) {
  const auto refuse = [&](const std::string& what) {
    return problem(Problem::Kind::invalid, fmt::format("field {} {}", path.text, what));
  };
  const auto value = walk(whole, path);
  if (!value) return refuse("is missing");
  switch (value->type()) {
    case json::element_type::INT64:
    case json::element_type::UINT64:
    case json::element_type::DOUBLE: {
      double number = 0;
      if (value->get_double().get(number)) return refuse("is not a number that can be used");
      return number;
    }
    case json::element_type::NULL_VALUE:
      return refuse("is null");
    case json::element_type::OBJECT:
      return refuse("is an object, not a number");
    case json::element_type::ARRAY:
      return refuse("is a list, not a number");
    case json::element_type::STRING:
    case json::element_type::BOOL:
      break;
  }
  return refuse(fmt::format("is {}, not a number", excerpt(simdjson::minify(*value))));
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
    json::element whole;
    if (const auto error = parser_.parse(body.data(), body.size(), false).get(whole))
      return not_json(body, error);
    if (!whole.is_object() && !whole.is_array())
      return problem(Problem::Kind::invalid,
                     fmt::format("the answer is {}, not a JSON object", excerpt(body)));
    return read_all(whole);
  }

 private:
  static std::unexpected<Problem> not_json(const std::string& body, simdjson::error_code error) {
    if (error == simdjson::UTF8_ERROR)
      return problem(Problem::Kind::invalid, "the answer is not UTF-8");
    if (error == simdjson::NUMBER_ERROR)
      return problem(
          Problem::Kind::invalid,
          fmt::format("the answer has a number that is none or too large: {}", excerpt(body)));
    return problem(Problem::Kind::invalid,
                   fmt::format("the answer is {}, not JSON", excerpt(body)));
  }

  Expected<Reading> read_all(json::element whole) const {
    Reading reading;
    const auto found = number_at(whole, connections_);
    const auto connections = found ? connections_from("field " + connections_.text, *found)
                                   : std::unexpected(found.error());
    if (!connections) return std::unexpected(connections.error());
    reading.connections = *connections;
    reading.metrics.push_back(*connections);
    if (accepted_) {
      const auto told = number_at(whole, *accepted_);
      const auto accepted =
          told ? accepted_from("field " + accepted_->text, *told) : std::unexpected(told.error());
      if (accepted)
        reading.accepted = *accepted;
      else
        reading.complaint = accepted.error().what;
    }
    for (const Path& path : metrics_) {
      const auto number = number_at(whole, path);
      if (!number) reading.complaint = number.error().what;
      reading.metrics.push_back(number.value_or(std::numeric_limits<double>::quiet_NaN()));
    }
    return reading;
  }

  const Path connections_;
  std::optional<Path> accepted_;
  std::vector<Path> metrics_;
  json::parser parser_;  // its memory is used again
};

}  // namespace

std::unique_ptr<CountReader> make_json_reader(const ClusterSpec& spec) {
  return std::make_unique<JsonReader>(spec);
}

}  // namespace utakata
