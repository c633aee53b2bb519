#include "fleet/probe/http/reader.h"

#include <fmt/format.h>

#include <cmath>

namespace utakata {
namespace {

std::unexpected<Problem> no_count(const std::string& name, double found, const char* why) {
  return problem(Problem::Kind::invalid, fmt::format("{} is {}, which is {}", name, found, why));
}

Expected<double> whole(const std::string& name, double found, double max) {
  if (!std::isfinite(found)) return no_count(name, found, "no number");
  if (found < 0) return no_count(name, found, "no count");
  if (found != std::floor(found)) return no_count(name, found, "not a whole number");
  if (found > max) return no_count(name, found, "too large to be believed");
  return found;
}

}  // namespace

Expected<int> connections_from(const std::string& name, double found) {
  const auto number = whole(name, found, connections_max);
  if (!number) return std::unexpected(number.error());
  return int(*number);
}

Expected<std::int64_t> accepted_from(const std::string& name, double found) {
  const auto number =
      whole(name, found, double(std::int64_t{1} << 53));  // JavaScript counts no further
  if (!number) return std::unexpected(number.error());
  return std::int64_t(*number);
}

std::string excerpt(std::string_view body) {
  constexpr std::size_t shown = 40;
  std::string text;
  for (const char c : body.substr(0, shown)) text += c >= 0x20 && c < 0x7f ? c : '?';
  return fmt::format("`{}{}`", text, body.size() > shown ? "..." : "");
}

}  // namespace utakata
