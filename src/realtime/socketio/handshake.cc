#include "realtime/socketio/handshake.h"

#include <fmt/format.h>

namespace utakata::realtime {
namespace {

const char* message_of(EngineFault fault) {
  switch (fault) {
    case EngineFault::transport_unknown:
      return "Transport unknown";
    case EngineFault::sid_unknown:
      return "Session ID unknown";
    case EngineFault::bad_method:
      return "Bad handshake method";
    case EngineFault::bad_request:
      return "Bad request";
    case EngineFault::unsupported_version:
      return "Unsupported protocol version";
  }
  return "";
}

}  // namespace

std::string EngineRefusal::json() const {
  return fmt::format(R"({{"code":{},"message":"{}"}})", int(fault), message_of(fault));
}

std::optional<EngineRefusal> engine_refusal(const EngineRequest& request,
                                            const std::optional<EngineKnown>& known) {
  const bool is_websocket = request.transport == "websocket";
  if (!is_websocket && request.transport != "polling")
    return EngineRefusal{EngineFault::transport_unknown};
  if (!request.sid.empty() && !known) return EngineRefusal{EngineFault::sid_unknown};
  if (request.sid.empty() && request.method != "GET") return EngineRefusal{EngineFault::bad_method};
  if (request.version != "4") return EngineRefusal{EngineFault::unsupported_version};
  // A WebSocket begins as an upgrade of HTTP and a poll never does; who has a WebSocket polls no
  // more and opens no second one.
  const bool has_upgraded = known && known->transport == EngineTransport::websocket;
  const bool is_method = request.method == "GET" || (request.method == "POST" && !is_websocket);
  if (is_websocket != request.is_upgrade || has_upgraded || !is_method)
    return EngineRefusal{EngineFault::bad_request};
  return std::nullopt;
}

}  // namespace utakata::realtime
