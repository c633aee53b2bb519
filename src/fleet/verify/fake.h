// A verifier that answers what a test told it to.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fleet/verify/verify.h"

namespace utakata {

class FakeVerifier final : public Verifier {
 public:
  void verify(std::string command, Duration within,
              std::function<void(Expected<void>)> done) override {
    calls.push_back(std::move(command) + " within " + std::to_string(to_ms(within)));
    waiting.push_back(std::move(done));
  }
  // All that wait hear this.
  void answer(const Expected<void>& what) {
    for (const auto& done : std::exchange(waiting, {})) done(what);
  }

  std::vector<std::string> calls;
  std::vector<std::function<void(Expected<void>)>> waiting;
};

}  // namespace utakata
