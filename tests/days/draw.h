// A seed draws a whole day: a stack of two clusters, who comes, what goes wrong, what operators ask
// for. The same seed is the same day on every machine.
#pragma once

#include <cstdint>
#include <string>

#include "sim/run.h"

namespace utakata {

SimOptions drawn_day(std::uint64_t seed);
bool goes_by_wall_clock(const SimOptions& day);  // some `at:` rule does
std::string described(const SimOptions& day);    // for people, a line for each cluster
std::string described(const Fault& fault);

}  // namespace utakata
