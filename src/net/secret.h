// Tokens: handed out once, stored as their SHA-256, compared in constant time (wire/digest.h). A
// token has 128 random bits or more, so a plain hash is enough: no dictionary holds it (a password
// needs Argon2).
#pragma once

#include <cstddef>
#include <string>

namespace utakata::net {

// From the kernel's generator, as base64url without padding (RFC 4648 section 5): 16 bytes make 22
// letters. Any thread.
std::string random_token(std::size_t bytes = 24);

}  // namespace utakata::net
