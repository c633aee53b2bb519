// A run, still going or over, in Prometheus' text format 0.0.4, for whoever scrapes it. Pure.
//
// A metric `vote_seen` is `utakata_load_vote_seen_...`: a counter `_total`; a rate `_trues_total`
// and `_values_total`; a trend a summary `_seconds` with quantiles over the whole run; a gauge just
// that. What is not allowed in a name becomes `_`, and where two would be one the later one gets a
// number. Tags are labels.
#pragma once

#include <string>

#include "load/report/load_report.h"

namespace utakata::load {

// O(series); a series of a trend some 10 us.
std::string to_prometheus(const LoadReport& report);

}  // namespace utakata::load
