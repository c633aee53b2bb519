// What is printed when a run has ended, for a terminal of 100 columns: the verdict first, then what
// was measured as users of k6 know it. Pure.
#pragma once

#include <string>

#include "load/report/load_report.h"

namespace utakata::load {

// Lines, each with its end. Foreign text in it is harmless() (text_cells.h).
std::string summary_of(const LoadReport& report, bool has_colour = false);

}  // namespace utakata::load
