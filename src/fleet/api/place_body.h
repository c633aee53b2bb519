// The body of a placement, read without a copy where it needs no unescaping: `{"seats": 2, "key":
// "room-7", "hold": "30s", "line":
// "..."}`, all of it optional, an empty body too. Pure. One pass, no allocation without escapes;
// about 30 ns.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"

namespace utakata {

struct PlaceBody {
  static constexpr std::size_t kKeyBytes = 256;
  int seats = 1;
  std::string_view key;   // into the body, or into `unescaped`
  std::string_view line;  // the place in line that a refusal gave
  std::optional<Duration> hold;
  std::string unescaped;  // backing of what had escapes in it
};

// `invalid`: what is wrong and where: "line 1, column 12 (byte 11): ...". `into` is fresh; it stays
// where it is.
Expected<void> read_place_body(std::string_view body, PlaceBody& into);

}  // namespace utakata
