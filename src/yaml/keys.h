// A table of keys: one row gives a key's name, when it is to be real, its form and its description,
// and how it is read, so that readers and what is said of the keys cannot drift apart.
#pragma once

#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "yaml/reader.h"

namespace utakata {

enum class Mark { now, later };  // later: known, refused with "not yet supported"

struct KeyFacts {
  std::string_view name;
  Mark mark = Mark::now;
  std::string_view form;   // of its value, for a schema
  std::string_view about;  // one line for people
  bool is_required = false;
};

template <class Into, class From = YamlReader>
struct KeyOf : KeyFacts {
  void (*read)(From& reader, const Yaml& value, Into& into) = nullptr;
};

// Is `y` a map, and which of its items may be read? Notes unknown, not yet supported and missing
// keys. The answer is parallel to y.items: the index into `keys`, or -1 for what was refused.
std::vector<int> match_keys(YamlReader& reader, const Yaml& y, const std::vector<KeyFacts>& keys);

template <class Into, class From>
void read_map(From& reader, const Yaml& y,
              std::type_identity_t<std::span<const KeyOf<Into, From>>> keys, Into& into) {
  const auto rows = match_keys(reader, y, {keys.begin(), keys.end()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i] >= 0) keys[std::size_t(rows[i])].read(reader, y.items[i], into);
}

}  // namespace utakata
