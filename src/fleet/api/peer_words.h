// What one controller asks another for its callers, and is answered: many at a time in one message,
// answered in any order. Bytes; pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace utakata {

struct PeerAsk {  // views are of whoever made it, or of the message
  std::uint64_t number = 0;
  std::string_view caller;         // "admin", "placer" or "stranger"
  std::string_view authorization;  // of an instance, which the owner looks at itself; else empty
  std::string_view method, target, body;
};

struct PeerAnswer {
  std::uint64_t number = 0;  // of what was asked
  int status = 0;
  std::string_view content_type, headers, body;  // headers: whole lines
};

void append_ask(std::string& message, const PeerAsk& ask);
void append_answer(std::string& message, const PeerAnswer& answer);

// False: the bytes are not ours. What came before the fault was told.
bool read_asks(std::string_view message, const std::function<void(const PeerAsk&)>& tell);
bool read_answers(std::string_view message, const std::function<void(const PeerAnswer&)>& tell);

}  // namespace utakata
