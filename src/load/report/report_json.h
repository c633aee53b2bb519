// A report as a file of JSON (`--json FILE`), and back again, to the last bit. Pure.
//
// `metrics` and `checks` are there for people and scripts, with the words and units (milliseconds)
// of k6's summary export: `jq '.metrics.http_req_duration["p(95)"]'`. They are not read again;
// `recorded` is, which has all histograms, and `points`, which has those of each stretch.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "load/report/load_report.h"

namespace utakata::load {

inline constexpr std::size_t report_bytes_max = 64'000'000;  // to_json() stays far below

std::string to_json(const LoadReport& report);
// `invalid`: not what to_json() gives; says what is wrong with it. What is read from hostile text
// is still sound, and of bounded size.
Expected<LoadReport> report_from_json(std::string_view text);

}  // namespace utakata::load
