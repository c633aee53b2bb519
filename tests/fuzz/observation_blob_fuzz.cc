// A recorded tick out of any bytes: refused, or read; and what was read is read again the same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "fleet/model/observation_blob.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace utakata;
  const auto tick = decode_tick({reinterpret_cast<const char*>(data), size});
  if (!tick) return 0;
  Fleet fleet;
  for (const SeenInstance& seen : tick->instances) {
    Instance i;
    i.id = seen.id;
    i.lifecycle = seen.lifecycle;
    i.suspect = seen.suspect;
    fleet.instances.push_back(std::move(i));
  }
  const auto written = encode_tick(tick->cluster, fleet, tick->observation);
  const auto again = decode_tick(written);
  check(again.has_value(), "what we write we read");
  check(again->cluster == tick->cluster && again->instances.size() == tick->instances.size() &&
            again->observation.news.size() == tick->observation.news.size(),
        "nothing is lost");
  return 0;
}
