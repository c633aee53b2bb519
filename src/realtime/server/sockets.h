// The WebSockets of one loop, server side (RFC 6455), with no more state than it takes to hold
// thousands that are idle. What goes to many is one frame that all of them refer to. Loop thread
// only.
//
// A client that reads too slowly holds references to frames, not copies; when they come to more
// than `backlog_bytes` it is cut, or misses some of what was said to many (SlowReaders). Pings are
// answered. Who says nothing is for others to judge: they hear of it. Messages are compressed where
// the handshake says so; what goes to many is compressed once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/descriptor.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "realtime/channel/message.h"
#include "realtime/server/fanout.h"
#include "wire/websocket.h"

namespace utakata::realtime {

// A whole message of a server: not masked. No copy where `text` has room for ten bytes more.
Frame text_frame(std::string text);
void append_frame(std::string& frames, wire::WebSocketKind kind, std::string_view payload);
// The messages that those frames are made of; views into them.
void each_message(std::string_view frames,
                  const std::function<void(wire::WebSocketKind, std::string_view payload)>& take);

struct SocketLimits {
  std::size_t message_bytes = 64 * 1024;  // received; larger ones end the connection with 1009
  std::size_t backlog_bytes = 1024 * 1024;
  Duration silent_after{120s};
  Duration answer_within{30s};  // each client's silence is looked at so often
  Duration close_within{5s};    // how long a client may take to answer a close
  wire::DeflateSettings deflate{};
};

struct NewSocket {
  net::Descriptor descriptor;
  std::unique_ptr<net::TlsStream> tls{};  // none: in the clear
  // What was agreed on for permessage-deflate (wire/deflate.h); 0: nothing was.
  int window_bits = 0;
  // What a fresh one takes whole; false: this one did not.
  bool send(std::string_view bytes) const;
};

// Answers the handshake of one that may become a WebSocket. False: it did not take the answer.
bool take_websocket(const net::HttpRequest& request, bool may_compress, NewSocket& socket);

class Sockets {
 public:
  struct Calls {
    std::function<void(ClientSlot, wire::WebSocketKind, std::string_view)> message;  // valid in it
    // Once for each, never within a call of ours; its slot is free afterwards.
    std::function<void(ClientSlot)> gone;
    // It has said nothing, not even a pong, for silent_after, answer_within more at most; again:
    // nor for answer_within since it was told so first.
    std::function<void(ClientSlot, bool again)> silent;
    // What is sent to a reserved slot. Frames of whole messages, one or several.
    std::function<void(ClientSlot, const Frame&, Topic)> elsewhere = {};
  };
  Sockets(net::Loop& loop, const SocketLimits& limits, Calls calls);
  ~Sockets();  // cuts all, and tells nobody
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  // Its handshake is answered; the lowest free slot. With TLS, whose own handshake is done, all
  // goes through that.
  ClientSlot add(NewSocket socket);
  ClientSlot reserve();  // for a client without a socket of its own; open until free()
  void free(ClientSlot client);
  void when_slow(ClientSlot client, SlowReaders policy);  // close, where nothing is said
  // To one that is closing or gone: nothing happens. What has no topic is never left out.
  // `twin`: that frame's, kept by who sends it to many.
  void send(ClientSlot client, const Frame& frame, Topic topic = 0, Twin* twin = nullptr);
  void close(ClientSlot client, std::uint16_t code, std::string_view reason);
  bool is_open(ClientSlot client) const { return sockets_[client]->phase == Phase::open; }
  // One as `write` makes it, in the memory of the last one where nobody holds that any more.
  template <typename Write>
  Frame frame(Write&& write) {
    if (!spare_ || spare_.use_count() > 1 || spare_->capacity() > kSpareBytes)
      spare_ = std::make_shared<std::string>();
    spare_->clear();
    write(*spare_);
    return spare_;
  }
  Frame text_frame(std::string_view text) {
    return frame([text](std::string& to) { append_frame(to, wire::WebSocketKind::text, text); });
  }
  struct Slowness {
    std::int64_t cut = 0;                     // clients
    std::int64_t dropped = 0, conflated = 0;  // frames
  };
  const Slowness& slowness() const { return slowness_; }

 private:
  //  open -- close() --> closing -- their close, or close_within --> gone
  //   |-- their close, answered --> leaving -- sent, or close_within --> gone
  //   |-- they broke the protocol --> lingering -- their end, or close_within --> gone
  //   +-- lost, slow, silent ------------------------------------------> gone
  enum class Phase : std::uint8_t { open, closing, leaving, lingering, gone, free };
  struct Backlog {
    struct Waiting {
      Frame frame;
      Topic topic;
    };
    std::vector<Waiting> frames;
    std::size_t first = 0, sent = 0, bytes = 0;  // sent: of the first one; bytes: of all, unsent
  };
  struct Socket {
    net::Descriptor descriptor;
    Phase phase = Phase::free;
    bool is_tls = false;  // see tls_
    std::uint8_t silent_looks = 0;
    SlowReaders when_slow = SlowReaders::close;
    std::uint8_t window_bits = 0;  // above 0: messages may be compressed
    Instant until{};               // of closing and leaving
    std::unique_ptr<Backlog> backlog;
    wire::WebSocketParser parser{wire::WebSocketRole::server};
  };
  struct Sink;
  ClientSlot take_slot();
  void ready(ClientSlot client, std::uint32_t events);
  static std::uint32_t events_of(const Socket& socket);
  void read(ClientSlot client, std::uint32_t events);
  void send_otherwise(ClientSlot client, const Frame& frame, Topic topic, Twin* twin);
  const Frame& best_for(const Socket& socket, const Frame& frame, Twin& twin);
  Twin compressed(const std::string& frames);
  void queue(ClientSlot client, const Frame& frame, Topic topic, std::size_t sent);
  net::Moved transmit(ClientSlot client, std::string_view bytes);
  static bool is_above(const Backlog& backlog, std::size_t bytes);
  static std::size_t begun(const Socket& socket);
  void conflate(const Socket& socket, Topic topic);
  void drop_oldest(const Socket& socket);
  void flush(ClientSlot client);
  void end_sending(ClientSlot client);
  void leave(ClientSlot client, Phase phase);
  void drop(ClientSlot client);
  void sweep();
  void end_turn();

  net::Loop& loop_;
  const SocketLimits limits_;
  const Calls calls_;
  // By slot, of those that take a frame at once, as it is; others -1, all over TLS among them.
  std::vector<int> descriptors_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::unordered_map<ClientSlot, std::unique_ptr<net::TlsStream>>
      tls_;                       // those in the clear pay nothing
  std::vector<ClientSlot> free_;  // slots, a heap, the lowest first
  std::vector<ClientSlot> gone_;  // to be told at the turn's end
  std::unique_ptr<char[]> buffer_;
  static constexpr std::size_t kSpareBytes = 4096;
  std::shared_ptr<std::string> spare_;        // the last of frame()
  std::unique_ptr<wire::Deflater> deflater_;  // none until one comes who wants it
  std::unique_ptr<wire::Inflater> inflater_;
  const std::uint8_t looks_;  // in silence, until it is told
  Slowness slowness_;
  net::Loop::TimerId sweep_ = 0;
  net::Loop::TurnEndId turn_end_ = 0;
};

}  // namespace utakata::realtime
