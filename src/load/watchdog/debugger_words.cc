#include "load/watchdog/debugger_words.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace utakata::load {
namespace {

using Json = nlohmann::json;

// "scriptId", "lineNumber" and "columnNumber", from 0.
std::string place_key(const Json& location) {
  return fmt::format("{}:{}:{}", location.at("scriptId").get<std::string>(),
                     location.at("lineNumber").get<int>(), location.value("columnNumber", 0));
}

CodeFrame frame_from(const Json& frame) {
  const Json& at = frame.at("location");
  const auto function = frame.at("functionName").get<std::string>();
  const auto begin = frame.find("functionLocation");
  return {.at = {.function = function,
                 .file = at.at("scriptId").get<std::string>(),
                 .line = at.at("lineNumber").get<int>() + 1,
                 .column = at.value("columnNumber", 0) + 1},
          .of = begin != frame.end() ? place_key(*begin) : function};
}

DebuggerNews news_from(const Json& json) {
  if (const auto answered = json.find("id"); answered != json.end()) {
    DebuggerAnswer answer{.to = answered->get<std::int64_t>()};
    const Json value = json.value(Json::json_pointer("/result/result/value"), Json());
    answer.is_true = value.is_boolean() && value.get<bool>();
    return answer;
  }
  const auto method = json.at("method").get<std::string>();
  if (method == "Debugger.scriptParsed") {
    const Json& script = json.at("params");
    return DebuggerScript{script.at("scriptId").get<std::string>(),
                          script.at("url").get<std::string>()};
  }
  if (method == "Debugger.resumed") return DebuggerResumed{};
  if (method != "Debugger.paused") return DebuggerOther{};
  DebuggerPaused paused;
  for (const Json& frame : json.at("params").at("callFrames"))
    paused.stack.push_back(frame_from(frame));
  return paused;
}

}  // namespace

Expected<DebuggerNews> read_debugger_news(std::string_view text) {
  try {
    return news_from(Json::parse(text));
  } catch (const Json::exception&) {  // a key that must be there is not, or is of another kind
    return problem(Problem::Kind::invalid, "what it says is not a debugger's language.");
  }
}

std::string debugger_order(std::int64_t number, std::string_view method) {
  return fmt::format(R"({{"id":{},"method":"{}"}})", number, method);
}

std::string debugger_evaluation(std::int64_t number, std::string_view script) {
  return Json{{"id", number},
              {"method", "Runtime.evaluate"},
              {"params", {{"expression", script}, {"silent", true}}}}
      .dump();
}

}  // namespace utakata::load
