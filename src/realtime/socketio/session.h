// One session of Engine.IO 4 from its handshake to its end: polls, a WebSocket, and the way from
// one to the other ("Engine.IO Protocol", transports, upgrade, heartbeat). It knows no connection:
// what is to go where is told to an EngineOut. Pure; one thread; `now` never goes back.
//
// The server pings each ping_interval, and who does not answer within ping_timeout is gone. What
// is said to a client that polls waits for its next GET. A second GET or POST beside one that is
// under way ends the session: there are two clients of one sid, or one that is broken.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "realtime/channel/message.h"
#include "realtime/socketio/engine.h"
#include "realtime/socketio/handshake.h"

namespace utakata::realtime {

// May be called within any call of a session, and may say something to it, but not destroy it.
class EngineOut {
 public:
  virtual ~EngineOut() = default;
  // A message of the client: text or bytes.
  virtual void heard(ClientSlot client, const EnginePacket& message) = 0;
  // The GET that waits gets this: status 200, text/plain; charset=UTF-8.
  virtual void answer_get(ClientSlot client, const std::string& body) = 0;
  virtual void write(ClientSlot client, const EnginePacket& packet) = 0;  // on the WebSocket
  virtual void drop_websocket(ClientSlot client) = 0;
  virtual void closed(ClientSlot client, const char* why) = 0;  // once, and nothing after it
};

struct EngineLimits {
  std::size_t waiting_bytes = 1024 * 1024;  // for the next GET; who needs more is too slow
  Duration upgrade_timeout{10s};
};

class EngineSession {
 public:
  // `open.has_upgrade` is set here: who polls has one. The caller sends opening() as what the
  // handshake is answered with.
  EngineSession(ClientSlot client, EngineOpen open, EngineTransport transport, EngineLimits limits,
                EngineOut& out, Instant now);
  EngineSession(const EngineSession&) = delete;
  EngineSession& operator=(const EngineSession&) = delete;
  std::string opening() const { return engine_open_text(open_); }

  // A GET: answered by answer_get() before this returns, or later. A refusal is its answer instead.
  std::optional<EngineRefusal> get();
  // A POST, when its head is here, and when its body is: none is "ok", status 200, text/html. A
  // body above payload_bytes_max is refused with 413 and ends nothing.
  std::optional<EngineRefusal> begin_post();
  std::optional<EngineRefusal> end_post(std::string_view body, Instant now);
  // The connection of a GET or POST broke before its answer: the client thinks that we are gone.
  void request_breaks();

  // A WebSocket with the sid of a session that polls.
  std::optional<EngineRefusal> websocket_opens(Instant now);
  void websocket_says(std::string_view text, Instant now);
  void websocket_says_bytes(std::string_view bytes, Instant now);
  void websocket_closes();

  // A message to the client; nothing, once it is closed.
  void say(std::string_view text) { send({.data = std::string(text)}); }
  void say_bytes(std::string_view bytes) { send({.is_binary = true, .data = std::string(bytes)}); }
  // What was said before still reaches a client that polls, if it asks within ping_timeout.
  void close(Instant now);

  void tick(Instant now);  // at due() or later: pings, and ends what does not answer
  Instant due() const;     // max: never

  const std::string& sid() const { return open_.sid; }
  bool is_closed() const { return stage_ == Stage::closed; }
  EngineTransport transport() const {
    return stage_ == Stage::upgraded ? EngineTransport::websocket : EngineTransport::polling;
  }

 private:
  //             WebSocket           2probe            5
  //   polling ------------> opened --------> probed -----> upgraded      (or begins there)
  //      |  ^                 |                 |             |
  //      |  +--- it closes, 10 s, other words --+             |
  //      +-----> ending --------------------> closed <--------+
  enum class Stage : std::uint8_t { polling, opened, probed, upgraded, ending, closed };

  bool is_probing() const { return stage_ == Stage::opened || stage_ == Stage::probed; }
  void send(EnginePacket packet);
  void flush();
  void answer(const EnginePacket& packet);
  void take(const EnginePacket& packet, Instant now);
  void probe(std::string_view text);
  void upgrade();
  void end_probe();
  void finish(const char* why, EngineType farewell = EngineType::close);

  const ClientSlot client_;
  EngineOpen open_;
  const EngineLimits limits_;
  EngineOut& out_;
  Stage stage_;
  bool is_getting_ = false, is_posting_ = false;
  std::vector<EnginePacket> waiting_{};  // for a GET; empty while one waits
  std::size_t waiting_bytes_ = 0;
  Instant ping_at_;
  std::optional<Instant> pong_by_{};
  Instant probe_by_{}, end_by_{};
};

}  // namespace utakata::realtime
