// A run as JUnit's XML, for CI: a test case for each threshold, each check, and one for whether the
// figures are the servers' at all. Pure.
//
// A check fails where it was false once; where a threshold is for `checks`, that is the judge, and
// the checks only tell how they were.
#pragma once

#include <string>

#include "load/report/load_report.h"

namespace utakata::load {

std::string to_junit(const LoadReport& report);

}  // namespace utakata::load
