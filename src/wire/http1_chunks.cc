#include "wire/http1_chunks.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/check.h"

namespace utakata::wire {

namespace http = boost::beast::http;
using BeastText = boost::beast::string_view;  // not std's in Boost 1.74
using BeastError = boost::beast::error_code;

class Http1Chunks::Reader final : public http::basic_parser<true> {
 public:
  Reader(std::string& body, std::size_t body_bytes_max) : body_(body) {
    body_limit(std::uint64_t{body_bytes_max});
    constexpr std::string_view head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    BeastError error;
    put(boost::asio::const_buffer(head.data(), head.size()), error);
    check(!error && is_header_done(), "Beast knows this head to be good");
  }

  bool is_in_line = true;  // else in a chunk's data

 private:
  void on_chunk_header_impl(std::uint64_t, BeastText, BeastError&) override { is_in_line = false; }
  std::size_t on_chunk_body_impl(std::uint64_t left, BeastText data, BeastError&) override {
    body_.append(data.data(), data.size());
    is_in_line = data.size() == left;
    return data.size();
  }
  void on_request_impl(http::verb, BeastText, BeastText, int, BeastError&) override {}
  void on_response_impl(int, BeastText, int, BeastError&) override {}
  void on_field_impl(http::field, BeastText, BeastText, BeastError&) override {}  // trailers
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastText data, BeastError&) override { return data.size(); }
  void on_finish_impl(BeastError&) override {}

  std::string& body_;
};

Http1Chunks::Http1Chunks(const Http1Limits& limits)
    : line_bytes_max_(limits.header_bytes),
      reader_(std::make_unique<Reader>(body_, limits.body_bytes)) {}
Http1Chunks::~Http1Chunks() = default;

bool Http1Chunks::is_done() const { return reader_->is_done(); }

std::optional<Http1Refusal> Http1Chunks::read(std::string_view& bytes) {
  while (!bytes.empty() && !is_done()) {
    const bool was_in_line = reader_->is_in_line;
    BeastError error;
    const auto taken = reader_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    const bool is_short = error == http::error::need_more;
    if (error == http::error::body_limit)
      return Http1Refusal{413, "The body of the request is larger than what is accepted here."};
    // Beast has no limit here. The same one holds whether the line came whole or in pieces.
    if (was_in_line && (is_short ? bytes.size() : taken) > line_bytes_max_)
      return Http1Refusal{431, "A line between chunks, or the trailers, are too large."};
    if (error && !is_short)
      return Http1Refusal{400, "The chunks of the body are malformed (RFC 9112, section 7.1)."};
    bytes.remove_prefix(taken);
    if (is_short) break;
  }
  return std::nullopt;
}

}  // namespace utakata::wire
