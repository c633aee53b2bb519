// Any bytes as a page of metrics and as a selector: an answer or a refusal, never more.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/prometheus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace utakata;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto cut = bytes.find('\n');
  const std::string_view first = bytes.substr(0, cut);
  const std::string_view page = cut == bytes.npos ? std::string_view() : bytes.substr(cut + 1);
  const wire::PrometheusSelector fixed{"a", {}};
  const auto asked = wire::prometheus_selector(first);
  const wire::PrometheusSelector selectors[] = {fixed, asked ? *asked : fixed};
  const auto sums = wire::prometheus_sums(page, selectors);
  if (!sums) return 0;
  check(sums->size() == 2, "one sum for each selector");
  check((*sums)[0].samples >= 0 && (*sums)[1].samples >= 0, "samples are counted");

  // A label survives the way out and in.
  wire::PrometheusWriter writer;
  writer.gauge("g", first);
  writer.sample({{"label", first}}, std::int64_t{3});
  const wire::PrometheusSelector back{"g", {{"label", std::string(first)}}};
  const auto read = wire::prometheus_sums(writer.text(), std::span(&back, 1));
  check(read && (*read)[0].samples == 1 && (*read)[0].value == 3, "what was written is read");
  return 0;
}
