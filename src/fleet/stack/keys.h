// The table of keys: one row gives a key's name, when it is to be real, its form and its
// description, and how it is read. The parser and the JSON Schema are both made from these rows, so
// that they cannot drift apart.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/stack/reader.h"

namespace utakata {

enum class Mark { now, later };  // later: known, refused with "not yet supported"

struct KeyFacts {
  std::string_view name;
  Mark mark = Mark::now;
  std::string_view form;   // a definition of schema.cc, or another section's name
  std::string_view about;  // one line for people
  bool is_required = false;
};

template <class Into>
struct Key : KeyFacts {
  void (*read)(Reader& reader, const Yaml& value, Into& into) = nullptr;
};

struct Section {
  std::string_view name;
  std::vector<KeyFacts> keys;
};

template <class Into>
Section section_of(std::string_view name, std::span<const Key<Into>> keys) {
  return {name, {keys.begin(), keys.end()}};
}

// Is `y` a map, and which of its items may be read? Notes unknown, not yet supported and missing
// keys. The answer is parallel to y.items: the index into `keys`, or -1 for what was refused.
std::vector<int> match_keys(Reader& reader, const Yaml& y, const std::vector<KeyFacts>& keys);

template <class Into>
void read_map(Reader& reader, const Yaml& y, std::span<const Key<Into>> keys, Into& into) {
  const auto rows = match_keys(reader, y, {keys.begin(), keys.end()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i] >= 0) keys[std::size_t(rows[i])].read(reader, y.items[i], into);
}

}  // namespace utakata
