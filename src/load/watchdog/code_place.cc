#include "load/watchdog/code_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <tuple>

namespace utakata::load {
namespace {

// How many calls, from the outermost one, are of the same functions in all of them.
std::size_t common_depth(std::span<const CodeStack> stacks) {
  const CodeStack& first = stacks.front();
  std::size_t depth = first.size();
  for (const CodeStack& stack : stacks) {
    std::size_t same = 0;
    while (same < std::min(depth, stack.size()) &&
           stack[stack.size() - 1 - same].of == first[first.size() - 1 - same].of)
      ++same;
    depth = same;
  }
  return depth;
}

using Is = std::function<bool(const CodeFrame&)>;

std::optional<CodePlace> place_in_common(std::span<const CodeStack> stacks, const Is& is_wanted) {
  const CodeStack& first = stacks.front();
  for (std::size_t depth = common_depth(stacks); depth > 0; --depth) {
    if (!is_wanted(first[first.size() - depth])) continue;
    const auto at = [&](const CodeStack& stack) -> const CodePlace& {
      return stack[stack.size() - depth].at;
    };
    return at(*std::ranges::min_element(stacks, {}, [&](const CodeStack& stack) {
      return std::tuple(at(stack).line, at(stack).column);
    }));
  }
  return std::nullopt;
}

std::optional<CodePlace> place_met_most(std::span<const CodeStack> stacks, const Is& is_wanted) {
  std::map<std::string, int> met;  // by place
  std::optional<CodePlace> most;
  int most_met = 0;
  for (const CodeStack& stack : stacks) {
    const auto frame = std::ranges::find_if(stack, is_wanted);
    if (frame == stack.end()) continue;
    if (const int times = ++met[to_text(frame->at)]; times > most_met) {
      most_met = times;
      most = frame->at;
    }
  }
  return most;
}

}  // namespace

std::string to_text(const CodePlace& place) {
  return fmt::format("{} ({}:{}:{})", place.function.empty() ? "<anonymous>" : place.function,
                     place.file.empty() ? "<evaluated>" : place.file, place.line, place.column);
}

CodePlace looping_place(std::span<const CodeStack> stacks, std::string_view ours) {
  const Is is_theirs = [&](const CodeFrame& frame) {
    const std::string_view file = frame.at.file;
    return !file.starts_with("node:") && (ours.empty() || !file.starts_with(ours));
  };
  const Is is_any = [](const CodeFrame&) { return true; };
  for (const Is& is_wanted : {is_theirs, is_any})
    for (const auto& place : {place_in_common, place_met_most})
      if (auto found = place(stacks, is_wanted)) return std::move(*found);
  return {};
}

}  // namespace utakata::load
