// Text in HTML.
#pragma once

#include <string>
#include <string_view>

namespace utakata {

// Text for an element or a quoted attribute: escaped, control characters as spaces.
std::string html_text(std::string_view text);

}  // namespace utakata
