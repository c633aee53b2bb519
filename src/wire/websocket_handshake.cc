#include "wire/websocket_handshake.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "base/check.h"

namespace utakata::wire {
namespace {

namespace http = boost::beast::http;

std::string base64(const std::uint8_t* bytes, std::size_t size) {
  std::string text((size + 2) / 3 * 4 + 1, '\0');  // one more: OpenSSL ends it with a zero
  const int length =
      EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(text.data()), bytes, int(size));
  text.resize(std::size_t(length));
  return text;
}

bool names_token(std::string_view list, std::string_view token) {
  return http::token_list({list.data(), list.size()}).exists({token.data(), token.size()});
}

// 16 bytes in base64: 22 letters and "==".
bool is_key(std::string_view key) {
  return key.size() == 24 && key.ends_with("==") &&
         std::ranges::all_of(key.substr(0, 22), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

std::unexpected<Problem> refused(std::string why) {
  return problem(Problem::Kind::refused, std::move(why));
}

std::string_view field(const http::fields& fields, http::field name) {
  const auto value = fields[name];
  return {value.data(), value.size()};
}

// The values of all its lines (RFC 6455 section 9.1).
std::string extensions_in(const http::fields& fields) {
  std::string all;
  const auto [first, last] = fields.equal_range(http::field::sec_websocket_extensions);
  for (auto one = first; one != last; ++one) {
    const auto value = one->value();
    if (!value.empty()) all.append(all.empty() ? "" : ", ").append(value.data(), value.size());
  }
  return all;
}

Expected<void> check_answer(const http::response_header<>& answer, std::string_view key,
                            std::optional<DeflateAgreement>* deflate) {
  if (answer.result_int() != 101)
    return refused(
        fmt::format("The WebSocket handshake was answered with status {}.", answer.result_int()));
  if (!names_token(field(answer, http::field::upgrade), "websocket") ||
      !names_token(field(answer, http::field::connection), "upgrade"))
    return refused("The WebSocket handshake's answer does not name the upgrade.");
  if (field(answer, http::field::sec_websocket_accept) != websocket_accept(key))
    return refused("The WebSocket handshake's answer is not to our key.");
  const std::string extensions = extensions_in(answer);
  if (extensions.empty()) return {};
  if (!deflate)
    return refused("The WebSocket handshake's answer names an extension that was not asked for.");
  *deflate = accept_deflate(extensions);
  if (!*deflate)
    return refused("The WebSocket handshake's answer names extensions as they were not offered.");
  return {};
}

}  // namespace

std::string websocket_key(const std::array<std::uint8_t, 16>& random) {
  return base64(random.data(), random.size());
}

std::string websocket_accept(std::string_view key) {
  const std::string text =
      std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3
  std::array<std::uint8_t, 20> digest;
  check(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1,
        "OpenSSL has SHA-1");
  return base64(digest.data(), digest.size());
}

// RFC 6455 section 4.2.1
std::optional<Http1Refusal> websocket_refusal(const Http1Request& request) {
  if (!names_token(request.header("upgrade"), "websocket") || !request.is_upgrade ||
      request.is_http10)
    return Http1Refusal{426, "Only WebSockets are served here: send Upgrade: websocket."};
  if (request.method != "GET") return Http1Refusal{405, "A WebSocket is opened with GET."};
  if (!request.body.empty())
    return Http1Refusal{400, "The request for a WebSocket carries a body."};
  if (!is_key(request.header("sec-websocket-key")))
    return Http1Refusal{400, "Sec-WebSocket-Key must be 16 bytes in base64."};
  if (request.header("sec-websocket-version") != "13")
    return Http1Refusal{426, "Only version 13 of WebSocket is known."};
  return {};
}

std::string websocket_answer(std::string_view key, std::string_view protocol,
                             std::string_view extensions) {
  std::string answer = fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: {}\r\n",
      websocket_accept(key));
  if (!protocol.empty()) answer += fmt::format("Sec-WebSocket-Protocol: {}\r\n", protocol);
  if (!extensions.empty()) answer += fmt::format("Sec-WebSocket-Extensions: {}\r\n", extensions);
  return answer += "\r\n";
}

std::string websocket_request(std::string_view host, std::string_view target, std::string_view key,
                              std::string_view headers) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
      target, host, key, headers);
}

Expected<std::optional<std::size_t>> read_websocket_answer(
    std::string_view bytes, std::string_view key, std::optional<DeflateAgreement>* deflate) {
  constexpr std::string_view start = "HTTP/1.1 ";
  if (!bytes.starts_with(start.substr(0, bytes.size())))
    return refused("What answered the WebSocket handshake does not speak HTTP/1.1.");
  const auto end = bytes.substr(0, websocket_answer_bytes_max).find("\r\n\r\n");
  if (end == bytes.npos) {
    if (bytes.size() >= websocket_answer_bytes_max)
      return refused("The WebSocket handshake's answer has a header that does not end.");
    return std::nullopt;
  }
  const std::size_t size = end + 4;
  http::response_parser<http::empty_body> parser;
  parser.header_limit(websocket_answer_bytes_max);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), size), error);
  if (!parser.is_header_done()) return refused("The WebSocket handshake's answer is not HTTP/1.1.");
  const auto checked = check_answer(parser.get().base(), key, deflate);
  if (!checked) return std::unexpected(checked.error());
  return size;
}

}  // namespace utakata::wire
