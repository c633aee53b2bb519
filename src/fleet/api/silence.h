// Asking controllers of which one may not answer. Pure; one thread.
#pragma once

#include <string>
#include <utility>

#include "base/instant.h"

namespace utakata {

// Of all who wait for one that did not answer, one at a time tries it again.
class Silence {
 public:
  // For which a request waits: longer than a takeover takes, even if etcd needs a new leader first.
  static constexpr Duration patience{12s};

  // True: ask it, and say how that went.
  bool may_send(const std::string& url) {
    return !url.empty() && (url != silent_ || !std::exchange(is_trying_, true));
  }
  // True: it answers again, and may be asked by all.
  bool went(const std::string& url, bool is_answered) {
    if (url == silent_) is_trying_ = false;
    if (is_answered && url == silent_) return silent_.clear(), true;
    if (!is_answered && url != silent_) silent_ = url, is_trying_ = false;
    return false;
  }

 private:
  std::string silent_;
  bool is_trying_ = false;
};

}  // namespace utakata
