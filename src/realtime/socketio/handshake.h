// What an HTTP request asks of Engine.IO, and why it is refused ("Engine.IO Protocol", handshake;
// codes as the reference implementation answers them). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::realtime {

enum class EngineTransport : std::uint8_t { polling, websocket };

enum class EngineFault : std::uint8_t {
  transport_unknown = 0,
  sid_unknown = 1,
  bad_method = 2,
  bad_request = 3,
  unsupported_version = 5
};

struct EngineRefusal {
  EngineFault fault = EngineFault::bad_request;
  int status = 400;
  bool operator==(const EngineRefusal&) const = default;
  std::string json() const;  // the body: {"code":0,"message":"Transport unknown"}
};

struct EngineRequest {
  std::string_view method;                     // in capitals
  std::string_view version, transport, sid{};  // EIO, transport, sid of the query; empty: absent
  bool is_upgrade = false;                     // of HTTP, to a WebSocket
};

// Of a session that the request names.
struct EngineKnown {
  EngineTransport transport = EngineTransport::polling;
};

// None: it is a handshake (no sid), or for the session's get(), begin_post() or websocket_opens().
// `known`: none, there is no session of that sid.
std::optional<EngineRefusal> engine_refusal(const EngineRequest& request,
                                            const std::optional<EngineKnown>& known);

}  // namespace utakata::realtime
