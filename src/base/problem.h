// The form of an expected failure: a value that says what a caller can act on.
#pragma once

#include <expected>
#include <string>

namespace utakata {

struct Problem {
  enum class Kind { not_found, refused, timed_out, unavailable, invalid, conflict };
  Kind kind;
  std::string what;    // a whole sentence with the names in it: "process: node is not on the PATH"
  bool retry = false;  // true: the same call may succeed later, unchanged
  bool operator==(const Problem&) const = default;
};

template <class T>
using Expected = std::expected<T, Problem>;

inline std::unexpected<Problem> problem(Problem::Kind kind, std::string what, bool retry = false) {
  return std::unexpected(Problem{kind, std::move(what), retry});
}

}  // namespace utakata
