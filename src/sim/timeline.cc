#include "sim/timeline.h"

#include <algorithm>

namespace utakata {
namespace {

constexpr std::size_t kSoon = 12, kNear = 4;  // events: some microseconds

}  // namespace

void Timeline::after(Duration wait, std::function<void()> work) {
  works_.push_back({now_ + std::max(Duration{0}, wait), order_++, std::move(work)});
  std::ranges::push_heap(works_, LaterWork{});
}

void Timeline::do_work() {
  std::ranges::pop_heap(works_, LaterWork{});
  const Work work = std::move(works_.back());
  works_.pop_back();
  now_ = work.at;
  work.run();
}

void Timeline::run_until(Instant end) {
  for (;;) {
    const bool has_work = !works_.empty() && works_.front().at <= end;
    const Event* const next = events_.next(has_work ? works_.front().at : end);
    if (has_work && (!next || works_.front().at <= next->at)) {
      do_work();
    } else if (next) {
      const Event event = *next;
      if (const Event* const soon = events_.soon(kSoon)) prepare_(*soon, false);
      if (const Event* const near = events_.soon(kNear)) prepare_(*near, true);
      events_.pop();
      now_ = event.at;
      take_(event);
    } else {
      break;
    }
  }
  now_ = std::max(now_, end);
}

}  // namespace utakata
