// A planned peak: everything serves some time before it begins, whatever booting takes. Pure: the
// phase follows from the calendar, from what serves, and from its phase before.
#pragma once

#include <string>

#include "fleet/model/plan.h"
#include "fleet/model/rule.h"
#include "fleet/plan/boot_times.h"
#include "fleet/plan/sample.h"

namespace utakata {

// Of one cluster, at one moment.
struct ShowView {
  WallTime wall{};
  int serving = 0, starting = 0;
  int capacity = 1, instances_min = 0;
  const BootTimes& boots;
  Duration unmeasured{30s};   // a boot, while none is measured
  std::string failures = {};  // "3 failures in a row, the last: exit code 1"
  // As it stood before: what is being prepared is not put off when boots turn out to be quicker.
  const ShowState* before = nullptr;
};

// before -> preparing (launches begin: `ready_by` before `at`, less lead_time() and a margin of the
// larger of a minute and a tenth of it) -> ready (`ready_by`) -> on_air (`at`) -> over (`until`).
// The one on air before the next one.
ShowState show_state(const ShowRule& rule, const ShowView& view);

// So many as `people` fill, from preparing until it is over; no opinion before and after. How it
// stands is the sample's.
Proposal propose_show(const std::string& name, const ShowRule& rule, const Sample& sample);

// "show final is on air until 23:00 Asia/Tokyo"; empty: it is not, or does not freeze.
std::string freeze_of(const ShowRule& rule, WallTime wall);

}  // namespace utakata
