// YAML text as a tree of values with their places. Knows nothing of what it is for.
//
// Bounds against hostile text: 1 MB, 32 levels, 50,000 values; aliases are refused (they can
// multiply without end).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"  // in_ticks
#include "yaml/mistake.h"

namespace utakata {

struct Yaml {
  // refused: a mistake was already noted for it (an alias); readers pass over it in silence.
  enum class Kind : std::uint8_t { nothing, text, list, map, refused };
  Kind kind = Kind::nothing;
  bool is_quoted = false;
  int line = 1, column = 1;
  std::string text;  // of text; numbers and booleans are text until a reader asks
  std::string key;   // of a map's item
  int key_line = 0, key_column = 0;
  std::vector<Yaml> items;  // of a list or a map, in the file's order

  const Yaml* find(std::string_view wanted) const;  // linear; null where absent
};

// Nothing where the text is not YAML at all. A key that stands twice, or is no plain text, is noted
// and left out. `needs`: what a file that is empty needs, as the end of a sentence.
std::optional<Yaml> read_yaml(std::string_view text, std::vector<Mistake>& mistakes,
                              std::string_view needs);

}  // namespace utakata
