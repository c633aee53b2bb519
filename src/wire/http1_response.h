// HTTP/1.1 answers out of bytes (RFC 9112), by Boost.Beast's parser, for who asks one question at a
// time. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "wire/http1.h"

namespace utakata::wire {

class Http1Chunks;

// The same answer comes out of any chopping of the input. Memory: one header and one body of the
// limits.
class Http1ResponseReader {
 public:
  Http1ResponseReader();
  ~Http1ResponseReader();
  Http1ResponseReader(Http1ResponseReader&&) noexcept;
  Http1ResponseReader& operator=(Http1ResponseReader&&) noexcept;

  // An answer is awaited; what was read before is forgotten. `is_head`: to a HEAD, which has no
  // body whatever its head says.
  void begin(const Http1Limits& limits, bool is_head = false);
  // True: it is whole, and nothing may be fed until begin(). 1xx answers but 101 are passed over.
  // Problem `invalid`: not HTTP; `refused`: beyond a limit.
  Expected<bool> feed(std::string_view bytes);
  // The other end closed. Good where the answer is ended by that; otherwise `unavailable`.
  Expected<void> end();

  bool has_begun() const { return has_begun_; }  // a byte of it has come
  bool keep_alive() const {
    return keep_alive_;
  }  // another question may follow: of a whole answer only
  int status() const { return status_; }
  std::string_view head() const { return head_; }  // as it came, with the empty line
  std::string& body() { return body_; }

 private:
  enum class Part { head, length, chunks, until_closed, whole };
  Expected<bool> read_head();
  Expected<bool> read_body();
  Expected<bool> take(std::string_view body);

  Http1Limits limits_;
  Part part_ = Part::whole;
  bool is_head_ = false, has_begun_ = false, keep_alive_ = false;
  int status_ = 0;
  std::uint64_t left_ = 0;  // of the body, where its length was told
  std::string kept_, head_, body_;
  std::unique_ptr<Http1Chunks> chunks_;
};

}  // namespace utakata::wire
