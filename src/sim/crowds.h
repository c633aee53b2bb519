// How a cluster's instances are spread over what its `spread` names, by the world's own log. Of
// what is recorded and not yet there: by the record.
#pragma once

#include <map>
#include <string>

#include "sim/promise.h"

namespace utakata {

using Crowds = std::map<std::string, int>;  // that start or serve, by zone or host

std::string crowd_of(const Decisions::value_type& one, const SimWorld& world);
// Before the step's intents, after the outcomes that it records: what was planned by.
Crowds crowds_before(const SimStep& step);

}  // namespace utakata
