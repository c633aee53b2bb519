// How often this test program has asked for memory, so that a test can see that nothing does.
#pragma once

#include <cstddef>

namespace utakata::load {

std::size_t allocations_so_far();

}  // namespace utakata::load
