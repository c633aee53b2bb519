// Where a Redis is. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace utakata::wire {

struct RedisAddress {
  std::string host = "127.0.0.1";  // a number or a name
  std::uint16_t port = 6379;
  std::string user{};      // of Redis' ACL; empty: the default user
  std::string password{};  // empty: none is asked for; a secret: not for logs
  int database = 0;
  bool operator==(const RedisAddress&) const = default;
};

// redis://[[user]:password@]host[:port][/database]; user and password with %XX where needed, an
// IPv6 address in brackets. `invalid`: it is none; the password is not in the sentence.
Expected<RedisAddress> redis_address(std::string_view text);

}  // namespace utakata::wire
