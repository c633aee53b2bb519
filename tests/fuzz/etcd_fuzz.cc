// Any bytes as etcd's answers and as the lines of a watch: values or a refusal, the same however
// the stream is chopped. The first byte seeds the chopping; the rest is the input.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "chopped.h"
#include "net/etcd/etcd_words.h"
#include "net/etcd/line_splitter.h"

namespace {

using namespace utakata;

std::string heard(std::string_view bytes, auto next_size) {
  std::string all;
  net::LineSplitter splitter(4096);
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(next_size(), bytes.size());
    const bool fits = splitter.feed(bytes.substr(0, size), [&](std::string_view line) {
      const auto read = net::etcd_watch_line_from(line);
      all += read ? std::to_string(int(read->kind)) + std::to_string(read->events.size())
                  : read.error().what;
      all += '\n';
    });
    if (!fits) return all + "too long";
    bytes.remove_prefix(size);
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace utakata;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)net::etcd_rows_from(bytes);
  (void)net::etcd_txn_from(bytes);
  (void)net::etcd_lease_from(bytes);
  (void)net::etcd_keep_alive_from(bytes);
  (void)net::etcd_done_from(bytes);
  for (const int status : {200, 404, 503})
    if (const auto no = net::etcd_no_from(status, bytes))
      check(!no->problem.what.empty(), "a no says why");
  return same_however_chopped(
      data, size, [](std::string_view input, auto next_size) { return heard(input, next_size); });
}
