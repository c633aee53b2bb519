#include "load/watchdog/code_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

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

// Nothing: there is none. Of those that were met as often it is the first.
std::optional<CodePlace> met_most(const std::vector<CodePlace>& places) {
  std::map<std::string, int> met;
  std::optional<CodePlace> most;
  int most_met = 0;
  for (const CodePlace& place : places)
    if (const int times = ++met[to_text(place)]; times > most_met) {
      most_met = times;
      most = place;
    }
  return most;
}

std::optional<CodePlace> place_in_common(std::span<const CodeStack> stacks, const Is& is_wanted) {
  for (std::size_t depth = common_depth(stacks); depth > 0; --depth) {
    if (!is_wanted(stacks.front()[stacks.front().size() - depth])) continue;
    std::vector<CodePlace> places;
    for (const CodeStack& stack : stacks) places.push_back(stack[stack.size() - depth].at);
    return met_most(places);
  }
  return std::nullopt;
}

std::optional<CodePlace> place_of_any(std::span<const CodeStack> stacks, const Is& is_wanted) {
  std::vector<CodePlace> places;
  for (const CodeStack& stack : stacks)
    if (const auto frame = std::ranges::find_if(stack, is_wanted); frame != stack.end())
      places.push_back(frame->at);
  return met_most(places);
}

}  // namespace

std::string to_text(const CodePlace& place) {
  return fmt::format("{} ({}:{}:{})", place.function.empty() ? "<anonymous>" : place.function,
                     place.file.empty() ? "<evaluated>" : place.file, place.line, place.column);
}

CodePlace looping_place(std::span<const CodeStack> stacks, std::string_view ours) {
  const Is is_theirs = [&](const CodeFrame& frame) {
    const std::string_view file = frame.at.file;
    return !file.empty() && !file.starts_with("node:") && (ours.empty() || !file.starts_with(ours));
  };
  const Is is_any = [](const CodeFrame&) { return true; };
  for (const Is& is_wanted : {is_theirs, is_any})
    for (const auto& place : {place_in_common, place_of_any})
      if (auto found = place(stacks, is_wanted)) return std::move(*found);
  return {};
}

}  // namespace utakata::load
