// HTTP/1.1 requests: whatever is sent, the same requests and the same refusal come out of any
// chopping. The first byte seeds the chopping; the rest is the input.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "chopped.h"
#include "wire/http1.h"

namespace {

using namespace utakata;

class Heard : public wire::Http1Sink {
 public:
  std::vector<std::string> events;

  bool on_request(const wire::Http1Request& request) override {
    auto& event = events.emplace_back(request.method);
    for (const auto part : {request.target, request.path, request.query, request.body})
      event.append("|").append(part);
    for (const auto& field : request.fields)
      event.append("|").append(field.name()).append("=").append(field.value());
    event += request.keep_alive ? '+' : '-';
    return events.size() % 3 != 0;  // pauses now and then
  }
  void on_refused(const wire::Http1Refusal& refusal) override {
    events.push_back(std::to_string(refusal.status).append(refusal.why));
    is_refused = true;
  }
  bool is_refused = false;
};

std::vector<std::string> fed(std::string_view bytes, auto next_size) {
  constexpr wire::Http1Limits limits{.header_bytes = 1024, .body_bytes = 256};
  wire::Http1Parser parser(limits);
  Heard heard;
  const auto feed = [&](std::string_view piece) {
    parser.feed(piece, heard);
    for (auto before = heard.events.size() + 1; before != heard.events.size();) {  // after a pause
      before = heard.events.size();
      parser.feed({}, heard);
    }
    check(parser.kept_bytes() <= limits.header_bytes * 2 + limits.body_bytes + piece.size(),
          "what is kept is bounded");
  };
  while (!bytes.empty() && !heard.is_refused) {
    const auto size = std::min<std::size_t>(next_size(), bytes.size());
    const std::vector<char> piece(bytes.begin(), bytes.begin() + long(size));
    feed({piece.data(), piece.size()});
    bytes.remove_prefix(size);
  }
  return heard.events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return utakata::same_however_chopped(
      data, size, [](std::string_view bytes, auto next_size) { return fed(bytes, next_size); });
}
