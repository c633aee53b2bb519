// Addresses as people write them. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "fleet/model/instance.h"

namespace utakata {

// "10.0.0.5:3000", "game-1.example:3000", "[::1]:3000" (the brackets stay in the host: so it
// stands in URLs). Nothing: not such a text, or port 0.
std::optional<Address> address_from(std::string_view text);
bool is_host(std::string_view text);

}  // namespace utakata
