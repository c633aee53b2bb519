// HTTP/1.1 answers, as an instance may send them to who probes it: the same answer, or the same
// refusal, comes out of any chopping. The first byte seeds the chopping; the rest is the input.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "chopped.h"
#include "wire/http1_response.h"

namespace {

using namespace utakata;

std::string fed(std::string_view bytes, auto next_size) {
  wire::Http1ResponseReader reader;
  reader.begin({.header_bytes = 1024, .body_bytes = 256});
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(next_size(), bytes.size());
    const auto whole = reader.feed(bytes.substr(0, size));
    if (!whole) return "refused: " + whole.error().what;
    check(reader.body().size() <= 256, "the body stays within its limit");
    bytes.remove_prefix(size);
    // What comes after a whole answer is not the reader's; it counts as not kept alive by its user.
    if (*whole) return std::to_string(reader.status()).append("|").append(reader.body());
  }
  if (const auto ended = reader.end(); !ended) return "cut: " + ended.error().what;
  return std::to_string(reader.status()).append("|").append(reader.body());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return utakata::same_however_chopped(
      data, size, [](std::string_view bytes, auto next_size) { return fed(bytes, next_size); });
}
