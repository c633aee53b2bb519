// The frame of a report's page: head, policy and style sheet. Pure.
#pragma once

#include <string>
#include <string_view>

namespace utakata::load {

// `title` and `body` are HTML already.
std::string page_html(std::string_view title, std::string_view body);

}  // namespace utakata::load
