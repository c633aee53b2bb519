// Any text parses to a tree or a mistake; what is printed of a tree reads as the same tree.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fleet/stack/expression.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> metrics = {"connections"};
  const auto tree = utakata::parse_expression(text, metrics);
  if (!tree) {
    require(metrics.size() == 1 && !tree.error().what.empty());
    require(tree.error().at <= size && tree.error().caret_text.size() < 1000);
    return 0;
  }
  const std::string printed = utakata::to_text(*tree, metrics);
  if (printed.size() > 1000) return 0;  // "1e9" is printed longer than it was written
  const auto again = utakata::parse_expression(printed, metrics);
  require(again && again->nodes == tree->nodes);
  return 0;
}
