// One connection to a Redis, by hiredis on our own loop. It connects, says AUTH and SELECT, and is
// good for one life: once lost, make another. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "net/socket_end.h"
#include "wire/redis_address.h"

struct redisReply;

namespace utakata::net {

std::string_view redis_text(const redisReply& reply);  // of a text or an error, else empty

class RedisLink {
 public:
  using Answer = std::function<void(const redisReply&)>;  // the reply is valid in the call
  struct Calls {
    std::function<void()> answered;             // anything came
    std::function<void(std::string why)> lost;  // once, at most; nothing comes after it
  };
  // Of `address` it takes all but the host and the port: hiredis would block while it looked a name
  // up.
  RedisLink(Loop& loop, const TcpAddress& at, const wire::RedisAddress& address, Calls calls);
  ~RedisLink();  // not in one of its calls; none comes after it, answers included
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Both only write down what is to be sent: nothing is called within them, and before the
  // connection stands they wait. An error is an answer, too.
  void ask(std::span<const std::string> words, Answer answer);  // answers come in this order
  // For confirmations and messages. A link that does this asks nothing more. The
  // last `heard` hears all.
  void subscribe(std::span<const std::string> channels, Answer heard);
  void subscribe_patterns(std::span<const std::string> patterns, Answer heard);  // beside it

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
