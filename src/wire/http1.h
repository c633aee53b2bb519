// HTTP/1.1 requests out of bytes (RFC 9112), by Boost.Beast's parser. Pure: no socket, no clock.
//
// The same requests and the same refusal come out of any chopping of the input. Where a whole
// request lies in the bytes that are fed nothing is copied; what is incomplete is kept, never more
// than one header, one body and what was fed last. Stricter than Beast where two readers of one
// stream could disagree about where a request ends (request smuggling): refused are a second
// Content-Length, even an equal one; Transfer-Encoding beside it, or other than `chunked`; folded
// lines; lines that end in a bare LF; a missing or second Host in HTTP/1.1.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace utakata::wire {

struct Http1Limits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 1024 * 1024;
};
inline constexpr std::size_t http1_fields_max =
    100;  // a browser sends about 15, behind two proxies about 30

// Left without a value when made: an array of these is on the stack for each request.
struct Http1Field {
  const char* name_begin;
  const char* value_begin;
  std::uint32_t name_size, value_size;
  std::string_view name() const { return {name_begin, name_size}; }
  std::string_view value() const { return {value_begin, value_size}; }
};

bool is_same_ignoring_case(std::string_view a, std::string_view b);  // ASCII

// Views are valid until on_request() returns.
struct Http1Request {
  std::string_view method;
  std::string_view target;  // as it was sent
  std::string_view path,
      query;  // split at the first `?`; of `http://host/x` the path is `/x`; not percent-decoded
  std::string_view body;  // chunks joined; trailers are dropped
  std::span<const Http1Field> fields;
  bool is_http10 = false;
  bool keep_alive = true;                                // may another request follow?
  bool is_upgrade = false;                               // Connection: upgrade
  std::string_view header(std::string_view name) const;  // any case; the first one, or empty
};

struct Http1Refusal {
  int status;            // 400, 413, 431, 501 or 505
  std::string_view why;  // a whole sentence, a literal
};

class Http1Sink {
 public:
  // wait: nothing more until the next feed(), which asks again. leave: nothing is read any more.
  enum class Head { goes_on, wait, leave };

  virtual ~Http1Sink() = default;
  // Each request's head, its body not read yet; `from_here`: all bytes that are here, from its
  // first one on, what follows the request included.
  virtual Head on_head(const Http1Request&, std::string_view /*from_here*/) {
    return Head::goes_on;
  }
  virtual bool on_request(const Http1Request& request) = 0;  // false: no more until the next feed()
  virtual void on_refused(
      const Http1Refusal& refusal) = 0;  // the last event: nothing is read after it
};

class Http1Parser {
 public:
  // What the next byte belongs to.
  enum class Place { between, header, body };

  explicit Http1Parser(const Http1Limits& limits);
  ~Http1Parser();
  Http1Parser(Http1Parser&&) noexcept;
  Http1Parser& operator=(Http1Parser&&) noexcept;

  void feed(std::string_view bytes, Http1Sink& sink);  // none: goes on with what is kept
  Place place() const { return place_; }
  std::size_t kept_bytes() const { return kept_.size(); }
  // True once for each request that says `Expect: 100-continue` and whose body has not arrived with
  // it.
  bool take_continue();

 private:
  class Chunks;
  struct Head;
  enum class Step { next, more, stop };
  std::size_t read(std::string_view bytes, Http1Sink& sink);
  Step read_one(std::string_view& bytes, Http1Sink& sink);
  Step read_chunks(std::string_view& bytes, Http1Sink& sink);
  Step read_body(std::string_view& bytes, Head& head, Http1Sink& sink);
  Step find_head_end(std::string_view bytes, std::size_t& end, Http1Refusal& refusal);
  Step deliver(Http1Request& request, Http1Sink& sink);
  Step refuse(const Http1Refusal& refusal, Http1Sink& sink);

  Http1Limits limits_;
  Place place_ = Place::between;
  bool is_over_ = false;  // refused, or left
  bool wants_continue_ = false;
  std::string kept_;
  std::size_t line_at_ =
      0;  // where the unfinished header line begins, counted from the request's first byte
  std::size_t scanned_ = 0;           // up to here no line end was missed
  std::size_t whole_ = 0;             // bytes of header and body; 0: not known yet
  std::unique_ptr<Chunks> chunks_{};  // while a chunked body is read
};

}  // namespace utakata::wire
