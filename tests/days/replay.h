// One day again, told at length, and the fewest of its faults that break the same promise.
#pragma once

#include <cstdint>

namespace utakata {

bool replay(std::uint64_t seed);  // false: something was broken

}  // namespace utakata
