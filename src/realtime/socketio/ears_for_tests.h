// What each client would hear, as text.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "realtime/socketio/app.h"

namespace utakata::realtime {

struct SocketIoEars final : SocketIoOut {
  void say(ClientSlot client, const std::string& text) override {
    by_client[client] += text + "\n";
  }
  void say_all(std::string_view, Readers clients, const std::string& text,
               std::span<const std::string> attachments, std::optional<ClientSlot> but,
               bool) override {
    for (const ClientSlot client : *clients) {
      if (client == but) continue;
      say(client, text);
      for (const std::string& each : attachments) say(client, "bytes " + each);
    }
  }
  void end(ClientSlot client, const std::string& why) override { say(client, "ended: " + why); }
  std::map<ClientSlot, std::string> by_client;
};

}  // namespace utakata::realtime
