// What each client would hear, as text.
#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "realtime/pusher/app.h"

namespace utakata::realtime {

struct PusherEars final : PusherOut {
  void say(ClientSlot client, std::string_view text) override {
    by_client[client].append(text).append("\n");
  }
  void say_all(std::string_view, Readers clients, std::string_view text,
               std::optional<ClientSlot> but, bool) override {
    if (!clients) return;
    for (const ClientSlot client : *clients)
      if (client != but) say(client, text);
  }
  void end(ClientSlot client, int code, const std::string&) override {
    say(client, fmt::format("ended {}", code));
  }
  std::map<ClientSlot, std::string> by_client;
};

}  // namespace utakata::realtime
