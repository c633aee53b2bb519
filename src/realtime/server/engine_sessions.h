// The Engine.IO sessions of one loop: clients that poll over HTTP, that have a WebSocket, or are on
// their way from one to the other ("Engine.IO Protocol", version 4). A client is a slot of Sockets:
// that of its WebSocket if it began with one, else a reserved one. Loop thread only.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/http_server.h"
#include "net/loop.h"
#include "realtime/app/app.h"
#include "realtime/server/sockets.h"
#include "realtime/socketio/session.h"

namespace utakata::realtime {

struct EngineSettings {
  Duration ping_interval{25s}, ping_timeout{20s};
  std::size_t payload_bytes_max = 1'000'000;
  EngineLimits limits{};
};

// Which worker of a host has that session; none: the sid is none of ours.
std::optional<std::size_t> engine_worker(std::string_view sid);

class EngineSessions final : public EngineOut {
 public:
  struct Refused {
    int status;
    std::string body;  // JSON
  };
  struct Calls {
    // For whom a new client comes; it may be refused.
    std::function<std::expected<App*, Refused>(const net::HttpRequest&)> admit;
    // Whose it is and whether its page may: of every request, for CORS. Empty: it may not.
    std::function<bool(const net::HttpRequest&)> is_welcome;
    std::function<void(ClientSlot, App&, const net::HttpRequest&)> opened;
    std::function<void(ClientSlot, const EnginePacket&)> heard;
    std::function<void(ClientSlot)> gone;  // never within a call of ours
  };
  // `worker`: our number among those of the host, in all sids.
  EngineSessions(net::Loop& loop, Sockets& sockets, EngineSettings settings, std::size_t worker,
                 Calls calls);
  ~EngineSessions() override;

  void answer(const net::HttpRequest& request, net::HttpReply reply);
  void upgrade(const net::HttpRequest& request, NewSocket socket);

  bool owns(ClientSlot socket) const { return socket < owners_.size() && owners_[socket]; }
  void socket_says(ClientSlot socket, wire::WebSocketKind kind, std::string_view payload);
  void socket_gone(ClientSlot socket);
  void elsewhere(ClientSlot client, const Frame& frame, Topic topic);  // sent to a reserved slot

  void say(ClientSlot client, const std::string& text);  // a message
  void end(ClientSlot client);
  bool is_open(ClientSlot client) const;

 private:
  struct Session {
    std::unique_ptr<EngineSession> engine;
    std::optional<ClientSlot> socket{};  // the same as the client's: it began with it
    std::optional<net::HttpReply> get{};
    std::string get_headers{};
    SlowReaders when_slow = SlowReaders::close;
    bool compresses = false;
    bool is_reserved = false, is_over = false;  // its slot is of no socket
  };
  void heard(ClientSlot client, const EnginePacket& message) override;
  void answer_get(ClientSlot client, const std::string& body) override;
  void write(ClientSlot client, const EnginePacket& packet) override;
  void drop_websocket(ClientSlot client) override;
  void closed(ClientSlot client, const char* why) override;

  void begin(ClientSlot client, App& app, EngineTransport transport);
  void get(ClientSlot client, net::HttpReply reply, std::string headers);
  Session* session_of(ClientSlot client) const;
  ClientSlot* client_of(std::string_view sid);
  void bury();

  net::Loop& loop_;
  Sockets& sockets_;
  const EngineSettings settings_;
  const std::size_t worker_;
  const Calls calls_;
  std::vector<std::unique_ptr<Session>> sessions_;  // by client
  std::vector<std::optional<ClientSlot>> owners_;   // clients, by the slot of their WebSocket
  std::unordered_map<std::string, ClientSlot> by_sid_;
  std::vector<ClientSlot> over_;  // told at the turn's end
  net::Loop::TimerId tick_ = 0;
  net::Loop::TurnEndId turn_end_ = 0;
};

}  // namespace utakata::realtime
