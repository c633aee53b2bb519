// A simulated day as one HTML page that needs nothing else: no network, no script. Charts over time
// for each cluster, and each decision with its reason as a mark below them. Pure.
#pragma once

#include <string>

#include "sim/result.h"

namespace utakata {

// Light or dark as the reader's system is, readable on a phone. All text is escaped, whatever the
// names and reasons are. About half a megabyte a cluster.
std::string to_html(const SimResult& result);

}  // namespace utakata
