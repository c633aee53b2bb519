// What processes of one cluster tell one another of a tenant's channels, as bytes for the bus
// (bus/bus.h). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

struct AppWord {
  enum class Kind : std::uint8_t {
    message,   // for all who read the channel, or all clients of a user
    terminate  // all clients of a user are cut; `but` is empty, the channel is the user's
  };
  Kind kind = Kind::message;
  Message message{};
  std::string but{};  // the id of who does not hear it; empty: all do
};

std::string app_word_bytes(const AppWord& word);
// Problem `invalid`: they are none, or of another version.
Expected<AppWord> app_word(std::string_view bytes);

}  // namespace utakata::realtime
