#include "net/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace utakata::net {
namespace {

constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string base64url(const std::vector<unsigned char>& bytes) {
  std::string text;
  std::uint32_t held = 0;
  int bits = 0;
  for (const unsigned char byte : bytes) {
    held = held << 8 | byte;
    for (bits += 8; bits >= 6; bits -= 6) text += letters[held >> (bits - 6) & 63];
  }
  if (bits > 0) text += letters[held << (6 - bits) & 63];
  return text;
}

}  // namespace

std::string random_token(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  for (std::size_t got = 0; got < bytes;) {
    const auto more = getrandom(random.data() + got, bytes - got, 0);
    check(more > 0 || errno == EINTR, "the kernel always has random bytes after boot");
    if (more > 0) got += std::size_t(more);
  }
  return base64url(random);
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  check(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1,
        "every OpenSSL has SHA-256");
  std::string hex;
  for (unsigned i = 0; i < size; ++i)
    for (const int half : {digest[i] >> 4, digest[i] & 15}) hex += "0123456789abcdef"[half];
  return hex;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace utakata::net
