// A path in pieces, percent-decoded. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace utakata {

// "/v1/stacks/a%2Fb" -> {"v1", "stacks", "a/b"}. Nothing: not a path, a bad escape, not UTF-8, or
// more than 12 pieces. A slash at the end is ignored.
std::optional<std::vector<std::string>> path_pieces(std::string_view path);
std::optional<std::string> percent_decoded(std::string_view text);
// The value of `name` in "a=1&b=2", decoded, `+` as a space; nothing where absent or badly escaped.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace utakata
