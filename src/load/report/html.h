// A report as one page of HTML that needs nothing else: no network, no script (its policy forbids
// both), light or dark as the reader's system is, and fit for paper. All text that is not ours is
// escaped. Pure.
#pragma once

#include <string>

#include "load/report/load_report.h"

namespace utakata::load {

// Some 100 KB and 20 KB for each chart.
std::string to_html(const LoadReport& report);

}  // namespace utakata::load
