// A chunked body (RFC 9112 section 7.1) joined, by Beast's parser. Private to wire/http1.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "wire/http1.h"

namespace utakata::wire {

class Http1Chunks {
 public:
  explicit Http1Chunks(const Http1Limits& limits);
  ~Http1Chunks();
  // Takes what it can from the front; the rest is to be given again, with more behind it.
  std::optional<Http1Refusal> read(std::string_view& bytes);
  bool is_done() const;
  std::string_view body() const { return body_; }

 private:
  class Reader;
  Expected<std::optional<std::size_t>> line_size(std::string_view bytes) const;
  std::size_t line_bytes_max_;  // a chunk's first line, or the last one with the trailers
  bool is_first_ = true;
  std::string body_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace utakata::wire
