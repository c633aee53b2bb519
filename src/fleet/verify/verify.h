// The last word before an instance serves: a command of the user's that must succeed. It judges
// nothing: what a failure means is the plan's.
#pragma once

#include <functional>
#include <string>

#include "base/instant.h"
#include "base/problem.h"

namespace utakata {

class Verifier {
 public:
  virtual ~Verifier() = default;
  // Called on the loop thread, and does not block. `done` is called once, later, on it. A problem
  // is the command's failure, or that it could not be run, in a sentence with its last line.
  virtual void verify(std::string command, Duration within,
                      std::function<void(Expected<void>)> done) = 0;
};

}  // namespace utakata
