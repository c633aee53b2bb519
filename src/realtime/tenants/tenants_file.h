// The tenants' file of utakata-realtime: YAML text into Tenants, or all of its mistakes at
// once. Pure: reads no file. Names of keys, limits and defaults: docs/realtime.md.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "realtime/tenants/tenant.h"
#include "yaml/mistake.h"

namespace utakata::realtime {

// `variable`: of the environment, for `$NAME` as a whole value of `key` or `secret`.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;
std::expected<std::vector<Tenant>, std::vector<Mistake>> parse_tenants(std::string_view text,
                                                                       const Variables& variable);

}  // namespace utakata::realtime
