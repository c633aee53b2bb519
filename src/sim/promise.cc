#include "sim/promise.h"

namespace utakata {

std::span<const PromiseKind> promise_kinds() {
  static constexpr PromiseKind kinds[] = {
      {"1 no cut", promise_no_cut},
      {"2 victim", promise_victim},
      {"3 resume", promise_resume_first},
      {"4 bounds", promise_bounds},
      {"5 seats", promise_seats},
      {"6 certainty", promise_certainty},
      {"7 brake", promise_brake},
      {"8 back-off", promise_backoff},
      {"9 crash-safe", promise_crash_safe},
      {"10 one owner", promise_one_owner},
      {"11 reasons", promise_reasons},
      {"12 admission", promise_admission},
      {"13 keys", promise_keys},
      {"15 spread", promise_spread},
      {"L1 recovery", promise_recovery},
      {"L2 shrinking", promise_shrinking},
  };
  return kinds;
}

// Kept as time remaining, to the millisecond.
bool is_past_deadline(const Decided& decided, Instant now) {
  return decided.deadline && now - decided.drained_at >= *decided.deadline - 1ms;
}

bool is_past_patience(const Guest& guest, const ClusterSpec& spec, Instant now) {
  return now - guest.last_answer > spec.heal.clients_wait;
}

bool may_be_free_too_early(const Guest& guest, const SimWorld& world) {
  return guest.was_awaited && world.now - world.controller_since < world.spec.hold &&
         !world.spec.count.accepted.empty();
}

bool is_intent(const Activity& one, std::string_view kind) {
  return one.phase == Activity::Phase::intent && one.kind == kind;
}

}  // namespace utakata
