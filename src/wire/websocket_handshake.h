// The opening handshake of a WebSocket (RFC 6455 section 4), both ends, without a socket.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "wire/deflate.h"
#include "wire/http1.h"

namespace utakata::wire {

std::string websocket_key(const std::array<std::uint8_t, 16>& random);  // Sec-WebSocket-Key
std::string websocket_accept(std::string_view key);  // Sec-WebSocket-Accept (4.2.2)

// Server. None: the request may become a WebSocket. 405 or 400 otherwise, or 426 for another
// version than 13.
std::optional<Http1Refusal> websocket_refusal(const Http1Request& request);
// The whole 101. The protocol must be one of those the client offered; empty: none is named.
// `extensions`: those agreed on, such as a DeflateAgreement's answer.
std::string websocket_answer(std::string_view key, std::string_view protocol = {},
                             std::string_view extensions = {});

// Client. `headers` are whole lines, each ended by CRLF.
std::string websocket_request(std::string_view host, std::string_view target, std::string_view key,
                              std::string_view headers = {});

inline constexpr std::size_t websocket_answer_bytes_max = 16 * 1024;

// Reads the answer to websocket_request() from all bytes received until now. Nothing: more are
// needed. Otherwise how many bytes it has; frames follow. `refused`: another status than 101, not
// HTTP, not made from our key, or it names an extension that was not offered. `deflate`: where
// deflate_offer was sent; what came of it is put there. None: nothing was offered.
Expected<std::optional<std::size_t>> read_websocket_answer(
    std::string_view bytes, std::string_view key,
    std::optional<DeflateAgreement>* deflate = nullptr);

}  // namespace utakata::wire
