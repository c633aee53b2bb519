// What a run and an agent say to one another: each message a word, a number and the rest. Pure.
//
//   the run says                                     the agent says
//                                                    hello 1 {cores}          first; 1: this
//                                                    language
//   ping N                                           pong N NANOSECONDS       on its monotonic
//   clock file BYTES NAME, data 0 PIECE ...                refused 0 SENTENCE       and closes
//   worker N       starts one; what it is told and says has its number
//   tell N LINE                                      said N LINE, printed N LINE
//   kill N SIGNAL
//   drop N         it is killed and forgotten        ended N {status, signal}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace utakata::load {

enum class AgentVerb : std::uint8_t {
  hello,
  ping,
  pong,
  file,
  data,
  refused,
  worker,
  tell,
  said,
  printed,
  kill,
  drop,
  ended
};

struct AgentWord {
  AgentVerb verb = AgentVerb::hello;
  std::int64_t number = 0;  // not negative
  std::string_view rest{};  // any bytes; of the message that was read
  bool operator==(const AgentWord&) const = default;
};

inline constexpr std::int64_t agent_language = 1;  // what hello's number must be

Expected<AgentWord> agent_word(std::string_view message);  // `invalid`: none of these
std::string to_message(const AgentWord& word);

}  // namespace utakata::load
