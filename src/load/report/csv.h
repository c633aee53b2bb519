// The points of a run as CSV (RFC 4180), for spreadsheets: a line for each point and metric, in the
// order of time. Pure.
//
//   at_s,length_s,users,sockets,metric,kind,count,per_s,avg,min,med,p90,p95,p99,max
//
// Times are milliseconds. `count`: of a counter its sum, of a rate and a trend how many values.
// `avg` of a rate is its share, of a gauge (whose `med` is none) the last value. `per_s` is `count`
// a second. What a metric does not have is empty.
#pragma once

#include <string>

#include "load/report/load_report.h"

namespace utakata::load {

std::string to_csv(const LoadReport& report);

}  // namespace utakata::load
