// One tenant in this process: its channels, and the two dialects that speak of them. What a client
// of one publishes, the readers of both hear; what else concerns the other dialect is told to it.
// Pure; one thread; `now` never goes back.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "realtime/channel/channels.h"
#include "realtime/channel/news.h"
#include "realtime/pusher/app.h"
#include "realtime/socketio/app.h"
#include "realtime/socketio/node_cluster.h"

namespace utakata::realtime {

struct AppOuts {  // they outlive the app
  PusherOut& pusher;
  SocketIoOut& socketio;
};

class App {
 public:
  // `on_news`: what webhooks tell.
  App(TenantSpec tenant, SocketIoSpec spec, AppOuts outs, SocketIoIds ids,
      std::function<void(const News&)> on_news, std::function<Instant()> now);
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  void respec(TenantSpec tenant);  // for what comes from now on; who is here stays
  void end_all(int pusher_code, const std::string& why);

  PusherApp& pusher() { return pusher_; }
  SocketIoApp& socketio() { return socketio_; }
  const TenantSpec& spec() const { return pusher_.spec(); }
  Channels& channels() { return channels_; }
  std::size_t clients() const { return pusher_.clients() + socketio_.clients(); }
  bool is_empty() const { return pusher_.clients() == 0 && socketio_.is_empty(); }
  void expire(Instant now);  // about once a second

  // To all who read the channel, or to all clients of a user (events.h: user_channel_prefix).
  void publish(std::string_view channel, Message&& message, const Sender& sender);

  // What a server of a Node cluster said that this tenant has joined (socketio/node_cluster.h): to
  // clients here only, and not kept. Clients of Pusher stand in "/", and hear its first argument.
  void hears(const NodeBroadcast& broadcast);
  // Called for what is published here from now on, by publish(): what such servers are to be told,
  // without a uid. Empty: nobody is told.
  void on_publish(std::function<void(NodeBroadcast&&)> tell) { tell_node_ = std::move(tell); }

 private:
  DialectHooks hooks(Dialect of);
  void relay(Dialect from, const News& news);
  void tell_node(std::string_view channel, const Message& message, const Sender& sender);

  Channels channels_;
  std::function<void(const News&)> on_news_;
  std::function<Instant()> now_;
  std::function<void(NodeBroadcast&&)> tell_node_;
  PusherApp pusher_;
  SocketIoApp socketio_;
};

}  // namespace utakata::realtime
