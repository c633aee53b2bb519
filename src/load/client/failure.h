// Why a connection or a request of a virtual user failed: a kind, to be counted by, and words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace utakata::load {

enum class FailureKind : std::uint8_t {
  none,
  ports,        // no address that we may come from has a free one
  source,       // an address that we were to come from is not this machine's
  refused,      // nobody listens there
  unreachable,  // there is no way there
  timed_out,
  reset,
  hung_up,  // in the middle of something
  tls,
  status,     // HTTP's, where it was to be another
  malformed,  // not as the protocol has it
  too_big,    // of what comes
  not_read,   // of what is sent: theirs is too slow
  given_up,   // by us
  local,      // ours: descriptors, memory
};
std::string_view to_text(FailureKind kind);

struct Failure {
  FailureKind kind = FailureKind::none;
  std::string what{};
};
Failure failure_of(int number);  // an errno's

}  // namespace utakata::load
