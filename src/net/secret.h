// Tokens and how they are kept: handed out once, stored as their SHA-256, compared in constant
// time. A token has 128 random bits or more, so a plain hash is enough: no dictionary holds it (a
// password needs Argon2).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace utakata::net {

// From the kernel's generator, as base64url without padding (RFC 4648 section 5): 16 bytes make 22
// letters. Any thread.
std::string random_token(std::size_t bytes = 24);

std::string sha256_hex(std::string_view text);  // 64 small hexadecimal letters

// The time depends on the lengths only. What differs in length is not equal.
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace utakata::net
