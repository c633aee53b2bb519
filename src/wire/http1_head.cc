#include "wire/http1_head.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

namespace utakata::wire {
namespace {

namespace http = boost::beast::http;
using BeastText = boost::beast::string_view;  // not std's in Boost 1.74
using BeastError = boost::beast::error_code;

std::string_view text_of(BeastText text) { return {text.data(), text.size()}; }

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class HeadReader final : public http::basic_parser<true> {
 public:
  explicit HeadReader(Http1Head& head) : head_(head) {
    body_limit(boost::none);  // both limits are our caller's
    header_limit(std::numeric_limits<std::uint32_t>::max());
  }

  std::optional<Http1Refusal> refusal;

  // What can be judged only once every field is known.
  void finish() {
    auto& request = head_.request;
    request.fields = {head_.fields.data(), count_};
    request.keep_alive = keep_alive();
    request.is_upgrade = upgrade();
    head_.is_chunked = codings_ > 0;
    head_.content_length = content_length().value_or(0);
    if (request.is_http10 ? hosts_ > 1 : hosts_ != 1)
      refusal = {400, "An HTTP/1.1 request has exactly one Host header."};
    if (codings_ > 0 && request.is_http10) refusal = {400, "HTTP/1.0 has no Transfer-Encoding."};
    if (codings_ > 0 && lengths_ > 0)
      refusal = {400, "A request has Content-Length or Transfer-Encoding, not both."};
  }

 private:
  void refuse(int status, std::string_view why, BeastError& error) {
    refusal = {status, why};
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, BeastText method, BeastText target, int version,
                       BeastError& error) override {
    auto& request = head_.request;
    request.method = text_of(method);
    request.target = text_of(target);
    request.is_http10 = version == 10;
    std::string_view path = request.target;
    if (request.method == "CONNECT")
      return refuse(501, "CONNECT is not supported: this is not a proxy.", error);
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!is_same_ignoring_case(path.substr(0, scheme.size()), scheme)) continue;
      path.remove_prefix(std::min(path.find_first_of("/?", scheme.size()), path.size()));
      if (path.empty()) path = "/";
      break;
    }
    if (path.front() != '/' && path.front() != '?' && path != "*")
      return refuse(400, "The target of a request begins with a slash.", error);
    const auto question = path.find('?');
    request.path = question == 0 ? "/" : path.substr(0, question);
    request.query = question == path.npos ? std::string_view{} : path.substr(question + 1);
  }

  void on_field_impl(http::field field, BeastText name, BeastText value,
                     BeastError& error) override {
    if (count_ == http1_fields_max)
      return refuse(431, "The request has more than 100 headers.", error);
    head_.fields[count_++] = {name.data(), value.data(), std::uint32_t(name.size()),
                              std::uint32_t(value.size())};
    if (field == http::field::host) {
      ++hosts_;
    } else if (field == http::field::content_length) {
      if (++lengths_ > 1 || !is_number(text_of(value)))
        refuse(400, "A request has at most one Content-Length, and it is a number.", error);
    } else if (field == http::field::transfer_encoding) {
      if (++codings_ > 1 || !is_same_ignoring_case(text_of(value), "chunked"))
        refuse(501, "The only Transfer-Encoding that is understood is one `chunked`.", error);
    } else if (field == http::field::expect) {
      head_.expects_continue = is_same_ignoring_case(text_of(value), "100-continue");
    }
  }

  // Never called: only heads are put in.
  void on_response_impl(int, BeastText, int, BeastError&) override {}
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastText body, BeastError&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastText, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText body, BeastError&) override {
    return body.size();
  }
  void on_finish_impl(BeastError&) override {}

  Http1Head& head_;
  std::size_t count_ = 0;
  int hosts_ = 0, lengths_ = 0, codings_ = 0;
};

// Beast has one error for a version that is not HTTP at all and for one that is not ours.
Http1Refusal version_refusal(std::string_view head) {
  const auto line = head.substr(0, head.find('\r'));
  const auto version = line.substr(line.rfind(' ') + 1);
  const auto is_digit = [&](std::size_t i) { return version[i] >= '0' && version[i] <= '9'; };
  if (version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' && is_digit(5) &&
      is_digit(7))
    return {505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."};
  return {400, "The request line does not end with a version of HTTP."};
}

Http1Refusal beast_refusal(const BeastError& error, std::string_view head) {
  if (error == http::error::bad_version) return version_refusal(head);
  if (error == http::error::bad_method)
    return {400, "The request does not begin with a method and a space."};
  if (error == http::error::bad_target) return {400, "The target of the request is malformed."};
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length)
    return {400, "The Content-Length is not one number, or stands beside a Transfer-Encoding."};
  if (error == http::error::bad_transfer_encoding)
    return {400, "The Transfer-Encoding stands twice, or beside a Content-Length."};
  if (error == http::error::bad_field) return {400, "The name of a header is malformed."};
  if (error == http::error::bad_value) return {400, "The value of a header is malformed."};
  return {400, "The header of the request is malformed."};
}

}  // namespace

std::optional<Http1Refusal> read_http1_head(std::string_view bytes, Http1Head& head) {
  HeadReader reader(head);
  BeastError error;
  reader.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (reader.refusal) return reader.refusal;
  if (error) return beast_refusal(error, bytes);
  reader.finish();
  return reader.refusal;
}

}  // namespace utakata::wire
