// Plans in words for people. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/instant.h"
#include "load/plan/load_plan.h"

namespace utakata::load {

std::string grouped(std::int64_t number);      // "1,240"
std::string words_of(Duration time);           // "500 ms", "30 s", "1 h 30 min"
std::string words_of(const LoadModel& model);  // "ramps to 1,000 users in 30 s, holds 5 min"

}  // namespace utakata::load
