#include "wire/http1.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/http1_chunks.h"
#include "wire/http1_head.h"

namespace utakata::wire {
namespace {

constexpr std::size_t kept_capacity = 4096;  // more is given back as soon as nothing is kept

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c; }

// RFC 9110 section 5.6.2. Bytes that are none are refused at once: they are mostly TLS spoken to a
// plain port.
bool can_begin_request(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
}

}  // namespace

bool is_same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return x == y || lower(x) == lower(y);
         });
}

std::string_view Http1Request::header(std::string_view name) const {
  for (const auto& field : fields)
    if (is_same_ignoring_case(field.name(), name)) return field.value();
  return {};
}

class Http1Parser::Chunks {
 public:
  Chunks(std::string_view head, const Http1Limits& limits) : head_(head), reader_(limits) {}
  std::string_view head() const { return head_; }
  Http1Chunks& reader() { return reader_; }

 private:
  std::string head_;
  Http1Chunks reader_;
};

struct Http1Parser::Head : Http1Head {
  std::size_t size = 0;
};

Http1Parser::Http1Parser(const Http1Limits& limits) : limits_(limits) {}
Http1Parser::~Http1Parser() = default;
Http1Parser::Http1Parser(Http1Parser&&) noexcept = default;
Http1Parser& Http1Parser::operator=(Http1Parser&&) noexcept = default;

bool Http1Parser::take_continue() { return std::exchange(wants_continue_, false); }

void Http1Parser::feed(std::string_view bytes, Http1Sink& sink) {
  if (is_over_) return;
  if (kept_.empty()) {
    bytes.remove_prefix(read(bytes, sink));
    if (!is_over_) kept_.assign(bytes);
    return;
  }
  kept_.append(bytes);
  kept_.erase(0, read(kept_, sink));
  if (is_over_) kept_.clear();
  if (kept_.empty() && kept_.capacity() > kept_capacity) std::string().swap(kept_);
}

std::size_t Http1Parser::read(std::string_view bytes, Http1Sink& sink) {
  const auto all = bytes.size();
  while (!bytes.empty())
    if ((chunks_ ? read_chunks(bytes, sink) : read_one(bytes, sink)) != Step::next) break;
  return all - bytes.size();
}

Http1Parser::Step Http1Parser::read_one(std::string_view& bytes, Http1Sink& sink) {
  if (whole_ > bytes.size()) return Step::more;
  Head head;
  Http1Refusal refusal{};
  const auto found = find_head_end(bytes, head.size, refusal);
  if (found == Step::more) return Step::more;
  if (found == Step::stop) return refuse(refusal, sink);
  if (head.size == 0) {  // an empty line before the request (RFC 9112 section 2.2)
    bytes.remove_prefix(2);
    return Step::next;
  }
  if (const auto bad = read_http1_head(bytes.substr(0, head.size), head)) return refuse(*bad, sink);
  const auto then =
      whole_ > 0 ? Http1Sink::Head::goes_on : sink.on_head(head.request, bytes);  // once
  if (then == Http1Sink::Head::goes_on) return read_body(bytes, head, sink);
  is_over_ = then == Http1Sink::Head::leave;
  return Step::stop;
}

Http1Parser::Step Http1Parser::read_body(std::string_view& bytes, Head& head, Http1Sink& sink) {
  if (head.is_chunked) {
    chunks_ = std::make_unique<Chunks>(bytes.substr(0, head.size), limits_);
    bytes.remove_prefix(head.size);
    place_ = Place::body;
    wants_continue_ = head.expects_continue && bytes.empty();
    return Step::next;
  }
  if (head.content_length > limits_.body_bytes)
    return refuse({413, "The body of the request is larger than what is accepted here."}, sink);
  whole_ = head.size + std::size_t(head.content_length);
  if (whole_ > bytes.size()) {
    place_ = Place::body;
    wants_continue_ = head.expects_continue && bytes.size() == head.size;
    return Step::more;
  }
  head.request.body = bytes.substr(head.size, whole_ - head.size);
  bytes.remove_prefix(whole_);
  return deliver(head.request, sink);
}

Http1Parser::Step Http1Parser::read_chunks(std::string_view& bytes, Http1Sink& sink) {
  auto& reader = chunks_->reader();
  const auto refusal = reader.read(bytes);
  if (refusal) return refuse(*refusal, sink);
  if (!reader.is_done()) return Step::more;
  const auto chunks = std::move(chunks_);
  Http1Head head;
  read_http1_head(chunks->head(), head);  // was good before
  head.request.body = chunks->reader().body();
  return deliver(head.request, sink);
}

// Goes line by line, each byte once in any chopping. Stops at what Beast would let through or would
// notice too late.
Http1Parser::Step Http1Parser::find_head_end(std::string_view bytes, std::size_t& end,
                                             Http1Refusal& refusal) {
  const auto window = bytes.substr(0, limits_.header_bytes);
  if (scanned_ == 0 && bytes.front() != '\r' && !can_begin_request(bytes.front())) {
    refusal = {400, "What was sent is not HTTP. (TLS to a port without TLS looks like this.)"};
    return Step::stop;
  }
  for (;;) {
    const void* found = std::memchr(window.data() + scanned_, '\n', window.size() - scanned_);
    if (!found) break;
    const auto line_end = std::size_t(static_cast<const char*>(found) - window.data());
    if (line_end == 0 || window[line_end - 1] != '\r') {
      refusal = {400, "A line of the header does not end with CR LF."};
      return Step::stop;
    }
    if (line_end == line_at_ + 1) {
      end = line_at_ == 0 ? 0 : line_end + 1;
      line_at_ = scanned_ = 0;
      return Step::next;
    }
    if (line_at_ > 0 && (window[line_at_] == ' ' || window[line_at_] == '\t')) {
      refusal = {400, "A header is folded over two lines, which has been obsolete since 2014."};
      return Step::stop;
    }
    line_at_ = scanned_ = line_end + 1;
  }
  if (window.size() == limits_.header_bytes) {
    refusal = {431, "The header of the request is larger than what is accepted here."};
    return Step::stop;
  }
  scanned_ = window.size();
  if (line_at_ > 0 || bytes.front() != '\r') place_ = Place::header;
  return Step::more;
}

Http1Parser::Step Http1Parser::deliver(Http1Request& request, Http1Sink& sink) {
  place_ = Place::between;
  whole_ = 0;
  wants_continue_ = false;
  return sink.on_request(request) ? Step::next : Step::stop;
}

Http1Parser::Step Http1Parser::refuse(const Http1Refusal& refusal, Http1Sink& sink) {
  is_over_ = true;
  chunks_.reset();
  sink.on_refused(refusal);
  return Step::stop;
}

}  // namespace utakata::wire
