#include "load/run/worker_words.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

namespace utakata::load {
namespace {

using Json = nlohmann::json;

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}
double number_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

LoadFault fault_from(const Json& json) {
  return {.scenario = text_in(json, "scenario"),
          .what = text_in(json, "what"),
          .at = text_in(json, "at"),
          .stack = text_in(json, "stack"),
          .count = std::uint64_t(number_in(json, "count"))};
}

WorkerTick tick_from(const Json& json) {
  WorkerTick tick{.users = std::int64_t(number_in(json, "users")),
                  .sockets = std::int64_t(number_in(json, "sockets")),
                  .finished = std::int64_t(number_in(json, "finished")),
                  .length_ms = number_in(json, "length_ms"),
                  .late_ms = number_in(json, "late_ms"),
                  .backlog_bytes = number_in(json, "backlog_bytes"),
                  .lag_ms = number_in(json, "lag_ms"),
                  .gc_ms = number_in(json, "gc_ms"),
                  .cpu = number_in(json, "cpu"),
                  .resident_mb = number_in(json, "resident_mb"),
                  .unshown = std::uint64_t(number_in(json, "unshown")),
                  .faults = {}};
  if (const auto faults = json.find("faults"); faults != json.end() && faults->is_array())
    for (const Json& one : *faults) tick.faults.push_back(fault_from(one));
  return tick;
}

std::vector<std::string> texts_in(const Json& json, const char* key) {
  std::vector<std::string> texts;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_array()) return texts;
  for (const Json& one : *found)
    if (one.is_string()) texts.push_back(one.get<std::string>());
  return texts;
}

WorkerLoaded loaded_from(const Json& json) {
  return {.load = json.value("load", Json::object()).dump(),
          .functions = texts_in(json, "functions"),
          .files = texts_in(json, "files"),
          .resolved = json.value("resolved", Json::array()).dump()};
}

double in_ms(Duration duration) { return to_seconds(duration) * 1000; }

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A number where it is one.
Json value_of(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? Json(number) : Json(text);
}

}  // namespace

Expected<WorkerWord> worker_word(std::string_view line) {
  if (line.starts_with("metrics ")) return WorkerMetrics{line.substr(8)};
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_object()) {
    if (const auto found = json.find("tick"); found != json.end() && found->is_object())
      return tick_from(*found);
    if (const auto found = json.find("loaded"); found != json.end() && found->is_object())
      return loaded_from(*found);
    if (const auto found = json.find("failed"); found != json.end() && found->is_object())
      return WorkerFailed{text_in(*found, "during"), fault_from(*found)};
    if (json.contains("done"))
      return WorkerDone{text_in(json, "done"), json.value("data", Json()).dump(),
                        std::int64_t(number_in(json, "left_open"))};
    if (json.contains("over")) return WorkerOver{};
    if (json.contains("alive")) return WorkerAlive{};
  }
  return problem(Problem::Kind::invalid,
                 fmt::format("a worker said what it never says: {}", line.substr(0, 200)));
}

std::string to_line(const LoadOrder& order) {
  return line_of({{"do", "load"},
                  {"file", order.file},
                  {"folder", order.folder},
                  {"seed", order.seed},
                  {"ca", order.ca_file},
                  {"is_insecure", order.is_insecure},
                  {"source", order.source},
                  {"compression", order.compression},

                  {"env", order.environment},
                  {"is_shipped", order.is_shipped}});
}

std::string to_line(const StartOrder& order) {
  return line_of({{"do", "start"},
                  {"plan", order.plan},
                  {"worker", order.worker},
                  {"workers", order.workers},
                  {"data", Json::parse(order.data, nullptr, false)},
                  {"at_ms", in_ms(order.at.time_since_epoch())},
                  {"clock_offset_ms", in_ms(order.clock_offset)}});
}

std::string setup_line() { return R"({"do":"setup"})"; }
std::string teardown_line(std::string_view data) {
  return fmt::format(R"({{"do":"teardown","data":{}}})", data);
}
std::string stop_line(Duration within) {
  return fmt::format(R"({{"do":"stop","within_ms":{}}})", to_ms(within));
}
std::string clock_line(Duration offset) {
  return line_of({{"do", "clock"}, {"offset_ms", in_ms(offset)}});
}
std::string pause_line(bool is_paused) {
  return fmt::format(R"({{"do":"pause","is_paused":{}}})", is_paused);
}
std::string more_line(double factor) {
  return fmt::format(R"({{"do":"more","factor":{}}})", factor);
}

std::string overridden(std::string_view load, const PlanOverrides& overrides) {
  Json json = Json::parse(load, nullptr, false);
  if (!json.is_object()) return std::string(load);
  if (!overrides.users.empty() || !overrides.arrivals.empty())
    for (const char* const model : {"users", "arrivals", "stages"}) json.erase(model);
  if (!overrides.arrivals.empty()) json.erase("iterations");
  const std::pair<const char*, const std::string&> given[] = {{"users", overrides.users},
                                                              {"arrivals", overrides.arrivals},
                                                              {"duration", overrides.duration},
                                                              {"iterations", overrides.iterations}};
  for (const auto& [key, value] : given)
    if (!value.empty()) json[key] = value_of(value);
  return line_of(json);
}

}  // namespace utakata::load
