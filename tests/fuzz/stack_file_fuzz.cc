// Any text: a stack that keeps its own promises, or mistakes that can be shown. Never a crash,
// never much memory.
#include <cstddef>
#include <cstdint>
#include <set>

#include "base/check.h"
#include "fleet/stack/stack_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace utakata;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto stack =
      parse_stack({.text = text, .folder = "/srv/show", .parameters = {{"size", "3"}}});
  if (!stack) {
    check(!stack.error().empty() && stack.error().size() <= 200,
          "a refusal has its reasons, and not too many");
    for (const auto& mistake : stack.error())
      check(!mistake.what.empty() && mistake.what.size() < 10'000, "a mistake is a sentence");
    return 0;
  }
  check(!stack->name.empty() && stack->store.starts_with('/') && !stack->clusters.empty(),
        "a stack is complete");
  std::set<std::string> before;
  for (const auto& cluster : stack->clusters) {
    check(cluster.instances_min <= cluster.instances_max && cluster.instances_max >= 1,
          "min is at most max");
    check(cluster.capacity >= 1 && cluster.step > 0 && cluster.step <= 1 &&
              cluster.seats_per_key <= cluster.capacity,
          "sizes are sound");
    check(!cluster.metrics.empty() && cluster.metrics[0] == "connections",
          "the first number is connections");
    check(!cluster.weight_metric || *cluster.weight_metric < cluster.metrics.size(),
          "the weight is a number we read");
    for (const auto& need : cluster.needs)
      check(before.contains(need), "a cluster stands behind what it needs");
    check(before.insert(cluster.name).second, "names are given once");
  }
  return 0;
}
