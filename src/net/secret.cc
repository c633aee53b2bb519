#include "net/secret.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
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

}  // namespace utakata::net
