// Whom a request came from, as an HttpReply knows it: an HTTP connection, or anything else that
// brings requests to the same handler.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "net/http_server.h"

namespace utakata::net {

// `number`: which of its requests is meant. Each is answered once, or begun, written to and ended,
// or dropped.
class HttpReply::Target {
 public:
  virtual ~Target() = default;
  virtual void answer(std::uint64_t number, const HttpAnswer& answer) = 0;
  virtual void begin(std::uint64_t number, int status, std::string_view content_type,
                     std::string_view headers) = 0;
  virtual bool write(std::uint64_t number, std::string_view chunk) = 0;
  virtual void end(std::uint64_t number) = 0;
  virtual void push() = 0;
  virtual std::size_t unsent(std::uint64_t number) = 0;  // bytes that were written
  virtual void drop(std::uint64_t number) = 0;  // the reply was destroyed unanswered, or not ended
  virtual void on_gone(std::uint64_t number, std::function<void()> call) = 0;
};

}  // namespace utakata::net
