#include "cli/parameter_options.h"

#include <fmt/format.h>

namespace utakata {

Expected<std::map<std::string, std::string>> parameters_from(
    const std::vector<std::string>& words) {
  std::map<std::string, std::string> all;
  for (const auto& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == word.npos || equals == 0)
      return problem(Problem::Kind::invalid,
                     fmt::format("-p {}: write it as -p name=value.", word));
    if (!all.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      return problem(Problem::Kind::invalid,
                     fmt::format("-p {}: the name is given twice.", word.substr(0, equals)));
  }
  return all;
}

}  // namespace utakata
