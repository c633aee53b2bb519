// Numbers as people read them: with separators of thousands, three digits that matter, and the unit
// in which they are shortest. Pure.
#pragma once

#include <string>

#include "base/instant.h"

namespace utakata::load {

std::string number_words(double number);        // "1,234,567", "12.3", "0.00123"
std::string time_words(double microseconds);    // "812 us", "1.23 ms", "12.3 s"
std::string per_second_words(double rate);      // "1,234/s"
std::string bytes_words(double bytes);          // "1.23 MB", decimal
std::string share_words(double share);          // 0.9995: "99.95 %"; "100 %" is all, "0 %" none
std::string duration_words(Duration duration);  // "12.3 s", "5 min 32 s", "1 h 5 min"
std::string clock_words(Duration since);        // for an axis: "0:05", "1:02:03"
std::string times_words(double count, const char* noun);  // "1 user", "1,234 users"

}  // namespace utakata::load
