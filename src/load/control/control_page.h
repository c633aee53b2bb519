#pragma once

#include <string_view>

namespace utakata::load {

// Shows `GET /status` each second, with a button for each order. It needs nothing else, and takes
// a token from its address: `/#token=...`.
extern const std::string_view control_page;

}  // namespace utakata::load
