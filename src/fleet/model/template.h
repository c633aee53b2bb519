// Text with references in it, `${name}`, and `$$` for a dollar sign. Pure text; linear in its
// length.
//
// A name is made of letters, digits, `_`, `-` and `.`. A dollar sign before anything else stands
// for itself, so a shell's `$HOME` passes untouched; its `${HOME}` is written `$${HOME}`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace utakata {

using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// Fills in every reference and turns `$$` into `$`: the last step. A value is taken as it is, not
// looked through again. Problems: `invalid` (a name that `lookup` does not know, a `${` that is not
// closed or not a name).
Expected<std::string> expand(std::string_view text, const Lookup& lookup);

// Fills in only what `lookup` knows; the other references and `$$` stay, for a later expand().
// Dollar signs of values are doubled, so that they come out unchanged there. Broken references stay
// too.
std::string expand_known(std::string_view text, const Lookup& lookup);

// One `${...}` as it stands in the text. `at` is the index of its `$`.
struct Reference {
  std::size_t at = 0;
  std::string_view
      name;  // views into the text; of a broken one: what stands there, at most 40 characters
  bool is_broken = false;  // not closed, empty, or not a name
  bool operator==(const Reference&) const = default;
};
std::vector<Reference> references(std::string_view text);

}  // namespace utakata
