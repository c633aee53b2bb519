// Whether an Engine answers, said when that changes: a list that fails each second is no news. Loop
// only.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/problem.h"

namespace utakata {

class EngineNotice {
 public:
  // `answers_again`: the sentence for that.
  EngineNotice(std::string answers_again, std::function<void(const std::string& sentence)> say);
  void answered();
  void failed(const Problem& why);  // each reason is said once, and five at most

 private:
  const std::string answers_again_;
  const std::function<void(const std::string&)> say_;
  bool is_answering_ = true;
  std::set<std::string> said_;  // since it last answered, without numbers
};

}  // namespace utakata
