// Places in JavaScript, and which of them a loop is at. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace utakata::load {

struct CodePlace {
  std::string function{};  // empty: it has no name, or it is the module itself
  std::string file{};      // "file:///home/me/votes.mjs", as JavaScript names it; empty: evaluated
  int line = 0, column = 0;  // from 1
  bool operator==(const CodePlace&) const = default;
};
std::string to_text(const CodePlace& place);  // "spin (file:///home/me/votes.mjs:12:5)"

// A call that is under way: where it is, and which function's it is.
struct CodeFrame {
  CodePlace at{};
  std::string of{};  // where the function begins, as a key: names are not unique
};
using CodeStack = std::vector<CodeFrame>;  // the innermost first, as debuggers have it

// Of stacks taken while it looped, at least one, none of them empty: in the innermost function that
// is in all of them (so that what it calls is not taken for the loop), the place that was met most
// often; where they have no function in common, as with jobs that follow one another, the one of
// all. (Not the uppermost one: who resumes after an `await` is at its function's head for a
// moment.) Functions of Node itself (node:...), of no file, and of files that begin with `ours`
// unless that is empty, are passed over where there are others.
CodePlace looping_place(std::span<const CodeStack> stacks, std::string_view ours = {});

}  // namespace utakata::load
