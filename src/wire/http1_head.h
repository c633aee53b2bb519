// One HTTP/1.1 request head, whole, into fields: what Http1Parser reads once it has found the end.
// Private to wire/http1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "wire/http1.h"

namespace utakata::wire {

struct Http1Head {
  Http1Request request{};  // without its body
  std::array<Http1Field, http1_fields_max> fields;
  std::uint64_t content_length = 0;
  bool is_chunked = false;
  bool expects_continue = false;
};

// `bytes` end with the empty line. Nothing where the head is good.
std::optional<Http1Refusal> read_http1_head(std::string_view bytes, Http1Head& head);

}  // namespace utakata::wire
