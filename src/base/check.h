// A broken rule of our own: said with the place, then abort. On in release builds too.
#pragma once

#include <source_location>

namespace utakata {

[[noreturn]] void check_failed(const char* why, std::source_location where);

inline void check(bool holds, const char* why_it_must_hold,
                  std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    check_failed(why_it_must_hold, where);
}

}  // namespace utakata
