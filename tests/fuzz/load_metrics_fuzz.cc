// A line of measurements out of any text: refused, or added; and what was added is told and read
// again as the same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "load/statistics/metrics.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace utakata::load;
  using utakata::check;
  Metrics parent(100), grandparent(100);
  const auto added = parent.add({reinterpret_cast<const char*>(data), size});
  if (!added) {
    check(!added.error().what.empty() && parent.series().empty() && parent.dropped() == 0,
          "what is refused leaves nothing behind");
    return 0;
  }
  const std::string told = parent.take();
  check(grandparent.add(told).has_value(), "what we tell we read");
  check(grandparent.series().size() == parent.series().size(), "and no series is lost");
  check(grandparent.take() == told, "and told again it is the same");
  return 0;
}
