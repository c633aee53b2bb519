// Promise 8: a crash loop backs off, by version. Pure; owned by one cluster's Planner.
#pragma once

#include <map>
#include <string>

#include "base/instant.h"

namespace utakata {

class Backoff {
 public:
  // An instance of `version` failed to launch, or died before it had served for `stable`.
  void failed(const std::string& version, const std::string& why, Instant now);
  // One has served long enough. That proves the version good if it was launched after the last
  // failure: elder ones may serve on while nothing new comes up any more.
  void proved(const std::string& version, Instant launched_at);
  // How long no further launch of it is due; zero: now. The first failure costs nothing, so that
  // one stray kill is healed at once; then 1 s, 2 s, 4 s ... 60 s.
  Duration wait(const std::string& version, Instant now) const;
  // "3 failures in a row, the last: exit code 1"; empty when there was none.
  std::string why(const std::string& version) const;
  bool failing(const std::string& version) const { return versions_.contains(version); }

  static constexpr Duration stable{5s};  // served so long it was no crash loop

 private:
  struct Failures {
    int in_a_row = 0;
    Instant last_at{}, next{};
    std::string last;
  };
  std::map<std::string, Failures> versions_;
};

}  // namespace utakata
