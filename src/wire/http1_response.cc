#include "wire/http1_response.h"

#include <fmt/format.h>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <utility>

#include "base/check.h"
#include "wire/http1_chunks.h"

namespace utakata::wire {
namespace {

namespace http = boost::beast::http;
using BeastText = boost::beast::string_view;  // not std's in Boost 1.74
using BeastError = boost::beast::error_code;

class HeadReader final : public http::basic_parser<false> {
 public:
  HeadReader() {
    body_limit(boost::none);  // both limits are our caller's
    header_limit(std::numeric_limits<std::uint32_t>::max());
  }
  int status = 0;

 private:
  void on_request_impl(http::verb, BeastText, BeastText, int, BeastError&) override {}
  void on_response_impl(int code, BeastText, int, BeastError&) override { status = code; }
  void on_field_impl(http::field, BeastText, BeastText, BeastError&) override {}
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastText data, BeastError&) override { return data.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastText, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText data, BeastError&) override {
    return data.size();
  }
  void on_finish_impl(BeastError&) override {}
};

std::unexpected<Problem> invalid(const char* what) { return problem(Problem::Kind::invalid, what); }
std::unexpected<Problem> too_large(const char* what, std::size_t most) {
  return problem(Problem::Kind::refused,
                 fmt::format("the answer's {} is too large: of more than {} bytes", what, most));
}

}  // namespace

Http1ResponseReader::Http1ResponseReader() = default;
Http1ResponseReader::~Http1ResponseReader() = default;
Http1ResponseReader::Http1ResponseReader(Http1ResponseReader&&) noexcept = default;
Http1ResponseReader& Http1ResponseReader::operator=(Http1ResponseReader&&) noexcept = default;

void Http1ResponseReader::begin(const Http1Limits& limits, bool is_head) {
  limits_ = limits;
  is_head_ = is_head;
  part_ = Part::head;
  has_begun_ = keep_alive_ = false;
  status_ = 0;
  kept_.clear();
  head_.clear();
  body_.clear();
  chunks_.reset();
}

Expected<bool> Http1ResponseReader::feed(std::string_view bytes) {
  check(part_ != Part::whole, "begin() comes before the bytes of an answer");
  has_begun_ = has_begun_ || !bytes.empty();
  if (part_ == Part::length || part_ == Part::until_closed) return take(bytes);
  kept_.append(bytes);
  return part_ == Part::head ? read_head() : read_body();
}

Expected<bool> Http1ResponseReader::read_head() {
  // Beast sees a head only when it is whole, as our requests' parser does it.
  // Who speaks another protocol may wait for us to go on.
  const std::string_view begins = std::string_view(kept_).substr(0, 5);
  if (!std::string_view("HTTP/").starts_with(begins)) return invalid("the answer is not HTTP");
  // Without a reason some forget the space before it, too, which Beast insists on.
  constexpr std::size_t reason = std::string_view("HTTP/1.1 200").size();
  if (kept_.size() > reason && kept_[reason] == '\r') kept_.insert(reason, 1, ' ');
  const auto end = kept_.find("\r\n\r\n");
  if (end == kept_.npos) {
    if (kept_.size() > limits_.header_bytes) return too_large("header", limits_.header_bytes);
    return false;
  }
  if (end + 4 > limits_.header_bytes) return too_large("header", limits_.header_bytes);
  HeadReader reader;
  BeastError error;
  reader.put(boost::asio::const_buffer(kept_.data(), end + 4), error);
  if (error && error != http::error::need_more) return invalid("the answer's header is malformed");
  if (!reader.is_header_done()) return invalid("the answer's header is malformed");
  status_ = reader.status;
  if (status_ / 100 != 1 || status_ == 101) head_.assign(kept_, 0, end + 4);
  kept_.erase(0, end + 4);
  if (head_.empty()) return read_head();
  keep_alive_ = reader.keep_alive();
  if (is_head_ || status_ == 101 || status_ == 204 || status_ == 304) {
    left_ = 0;
    part_ = Part::length;
  } else if (reader.chunked()) {
    chunks_ = std::make_unique<Http1Chunks>(limits_);
    part_ = Part::chunks;
  } else if (const auto length = reader.content_length()) {
    if (*length > limits_.body_bytes) return too_large("body", limits_.body_bytes);
    left_ = *length;
    part_ = Part::length;
  } else {
    keep_alive_ = false;
    part_ = Part::until_closed;
  }
  return read_body();
}

Expected<bool> Http1ResponseReader::read_body() {
  if (part_ != Part::chunks) return take(std::exchange(kept_, {}));
  std::string_view bytes = kept_;
  if (const auto refusal = chunks_->read(bytes)) {
    if (refusal->status == 413) return too_large("body", limits_.body_bytes);
    return invalid("the answer's chunks are malformed");
  }
  kept_.erase(0, kept_.size() - bytes.size());
  if (!chunks_->is_done()) return false;
  body_ = chunks_->body();
  keep_alive_ = keep_alive_ && kept_.empty();
  part_ = Part::whole;
  return true;
}

Expected<bool> Http1ResponseReader::take(std::string_view bytes) {
  if (part_ == Part::until_closed) {
    if (body_.size() + bytes.size() > limits_.body_bytes)
      return too_large("body", limits_.body_bytes);
    body_.append(bytes);
    return false;
  }
  if (bytes.size() > left_) {
    keep_alive_ = false;  // more than was asked for: nobody knows whose answer comes next
    bytes = bytes.substr(0, left_);
  }
  body_.append(bytes);
  left_ -= bytes.size();
  if (left_ > 0) return false;
  part_ = Part::whole;
  return true;
}

Expected<void> Http1ResponseReader::end() {
  if (part_ != Part::until_closed)
    return problem(Problem::Kind::unavailable,
                   has_begun_ ? "hung up in the middle of its answer" : "hung up without an answer",
                   true);
  part_ = Part::whole;
  return {};
}

}  // namespace utakata::wire
