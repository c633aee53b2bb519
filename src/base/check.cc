#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace utakata {

void check_failed(const char* why, std::source_location where) {
  std::fprintf(stderr, "bug: %s:%u: broken rule: %s\n", where.file_name(), unsigned(where.line()),
               why);
  std::abort();
}

}  // namespace utakata
