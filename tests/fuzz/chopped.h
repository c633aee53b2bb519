// What the fuzzers of streams have in common: the same comes out of any chopping of the input. The
// first byte seeds the chopping; the rest is the input.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/random.h"

namespace utakata {

// `fed(bytes, next_size)`: what comes out when the next piece is always of next_size() bytes.
inline int same_however_chopped(const std::uint8_t* data, std::size_t size, auto fed) {
  if (size == 0) return 0;
  Random random(data[0]);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto whole = fed(bytes, [&] { return bytes.size(); });
  check(fed(bytes, [] { return 1u; }) == whole, "byte by byte is as whole");
  check(fed(bytes, [&] { return 1 + random.below(std::max<std::size_t>(bytes.size() / 4, 1)); }) ==
            whole,
        "chopped is as whole");
  return 0;
}

}  // namespace utakata
