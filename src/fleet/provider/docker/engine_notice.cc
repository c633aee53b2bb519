#include "fleet/provider/docker/engine_notice.h"

#include <utility>

namespace utakata {

EngineNotice::EngineNotice(std::string answers_again, std::function<void(const std::string&)> say)
    : answers_again_(std::move(answers_again)), say_(std::move(say)) {}

void EngineNotice::answered() {
  if (!std::exchange(is_answering_, true)) say_(answers_again_);
  said_.clear();
}

void EngineNotice::failed(const Problem& why) {
  const bool was_answering = std::exchange(is_answering_, false);
  // The first reason may be only that a connection broke, and the next say why there is none.
  constexpr std::size_t reasons_max = 5;
  auto reason = why.what;
  std::erase_if(reason, [](char c) { return c >= '0' && c <= '9'; });  // "after 12 ms"
  if (said_.size() >= reasons_max || !said_.insert(reason).second) return;
  say_(why.what + (was_answering ? "; instances that run go on, and nothing is launched or stopped "
                                   "until it answers"
                                 : ""));
}

}  // namespace utakata
