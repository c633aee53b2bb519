// One mistake of a stack file: where, and a whole sentence with the remedy.
#pragma once

#include <string>

namespace utakata {

struct Mistake {
  int line = 0, column = 0;  // from 1; 0 where it is not in the file (a `-p` of the command line)
  std::string what;
  bool operator==(const Mistake&) const = default;
};

}  // namespace utakata
