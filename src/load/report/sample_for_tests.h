// A run as it might have been: 100 s, two scenarios, with everything that a report can have in it
// and names that mean harm.
#pragma once

#include "load/report/load_report.h"

namespace utakata::load {

struct SampleRun {
  double slower = 1;       // by so much, all of its times
  std::uint64_t seed = 1;  // another one differs as much as two runs of the same do
  int seconds = 100;
};
LoadReport sample_report(const SampleRun& run = {});

inline constexpr const char* harm = "<script>alert('1')</script> & \"more\"";

}  // namespace utakata::load
