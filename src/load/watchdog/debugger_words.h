// What is said to Node's debugger, and what it says: the Chrome DevTools Protocol, as far as it is
// needed here. Private to this folder. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/problem.h"
#include "load/watchdog/code_place.h"

namespace utakata::load {

// A frame's file is a script's number until scripts are known by name.
struct DebuggerScript {
  std::string number, file;
};
struct DebuggerPaused {
  CodeStack stack;
};
struct DebuggerResumed {};
struct DebuggerAnswer {
  std::int64_t to = 0;
  bool is_true = false;  // what was evaluated
};
struct DebuggerOther {};
using DebuggerNews =
    std::variant<DebuggerOther, DebuggerScript, DebuggerPaused, DebuggerResumed, DebuggerAnswer>;

// Problem: `invalid`: it is not what a debugger says.
Expected<DebuggerNews> read_debugger_news(std::string_view json);

std::string debugger_order(std::int64_t number, std::string_view method);
std::string debugger_evaluation(std::int64_t number, std::string_view script);

}  // namespace utakata::load
