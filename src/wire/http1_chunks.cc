#include "wire/http1_chunks.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cctype>

#include "base/check.h"

namespace utakata::wire {

namespace http = boost::beast::http;
using BeastText = boost::beast::string_view;  // not std's in Boost 1.74
using BeastError = boost::beast::error_code;

namespace {
constexpr Http1Refusal malformed{400,
                                 "The chunks of the body are malformed (RFC 9112, section 7.1)."};
}  // namespace

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

// Beast is given what stands between the data of two chunks only when it is whole: resuming in the
// last chunk breaks an assertion of its own (1.81), a quoted string may run on into the data, and
// it has no limit here. Returns the size of the line, or of the last one with the trailers and the
// empty line; nothing where it is not whole.
Expected<std::optional<std::size_t>> Http1Chunks::line_size(std::string_view bytes) const {
  const auto malformed = [] { return problem(Problem::Kind::invalid, ""); };
  constexpr std::string_view end_of_data = "\r\n";
  if (!is_first_) {
    const auto n = std::min(bytes.size(), end_of_data.size());
    if (bytes.substr(0, n) != end_of_data.substr(0, n)) return malformed();
    if (n < end_of_data.size()) return std::nullopt;
  }
  const std::size_t begin = is_first_ ? 0 : end_of_data.size();
  const auto line_feed = bytes.find('\n', begin);
  if (line_feed == bytes.npos) return std::nullopt;
  if (line_feed == begin || bytes[line_feed - 1] != '\r') return malformed();
  const auto size_end = bytes.find_first_not_of('0', begin);
  if (size_end == begin || std::isxdigit(static_cast<unsigned char>(bytes[size_end])))
    return line_feed + 1;
  const auto end = bytes.find("\r\n\r\n", line_feed - 1);
  if (end == bytes.npos) return std::nullopt;
  return end + 4;
}

std::optional<Http1Refusal> Http1Chunks::read(std::string_view& bytes) {
  while (!bytes.empty() && !is_done()) {
    auto given = bytes.size();
    if (reader_->is_in_line) {
      const auto size = line_size(bytes);
      if (!size) return malformed;
      if (size->value_or(bytes.size()) > line_bytes_max_)
        return Http1Refusal{431, "A line between chunks, or the trailers, are too large."};
      if (!*size) return std::nullopt;
      given = **size;
      is_first_ = false;
    }
    BeastError error;
    const auto taken = reader_->put(boost::asio::const_buffer(bytes.data(), given), error);
    if (error == http::error::body_limit)
      return Http1Refusal{413, "The body of the request is larger than what is accepted here."};
    if (error) return malformed;
    bytes.remove_prefix(taken);
  }
  return std::nullopt;
}

}  // namespace utakata::wire
