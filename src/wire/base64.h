// Bytes as base64 (RFC 4648 section 4, with padding). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace utakata::wire {

std::string base64_of(std::string_view bytes);

// Nothing: a character that is none of the alphabet's, or a length that cannot be. Padding may be
// missing; bits behind the last byte are not looked at.
std::optional<std::string> bytes_of_base64(std::string_view text);

}  // namespace utakata::wire
