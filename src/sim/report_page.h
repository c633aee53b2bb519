// The frame of a report's page: style, head, and that nothing in it may be fetched or run. Pure.
#pragma once

#include <string>
#include <string_view>

namespace utakata {

// All three as HTML: escape (report_chart.h) what came from elsewhere.
std::string page_html(std::string_view title, std::string_view below, std::string_view body);

}  // namespace utakata
