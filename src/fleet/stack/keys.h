// The table of a stack file's keys. The parser and the JSON Schema are both made from its rows.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "fleet/stack/reader.h"
#include "yaml/keys.h"

namespace utakata {

template <class Into>
using Key = KeyOf<Into, Reader>;

struct Section {
  std::string_view name;
  std::vector<KeyFacts> keys;
};

template <class Into>
Section section_of(std::string_view name, std::span<const Key<Into>> keys) {
  return {name, {keys.begin(), keys.end()}};
}

}  // namespace utakata
