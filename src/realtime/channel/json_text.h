#pragma once

#include <string>
#include <string_view>

namespace utakata::realtime {

std::string json_text(std::string_view text);  // quoted and escaped; UTF-8 goes as it is
void append_json_text(std::string& json, std::string_view text);

}  // namespace utakata::realtime
