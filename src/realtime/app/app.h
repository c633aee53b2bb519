// One tenant in this process: its channels, and the two dialects that speak of them. What a client
// of one publishes, the readers of both hear; what else concerns the other dialect is told to it.
// Pure; one thread; `now` never goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "realtime/bus/bus.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/news.h"
#include "realtime/pusher/app.h"
#include "realtime/socketio/app.h"
#include "realtime/socketio/node_cluster.h"

namespace utakata::realtime {

struct AppOuts {  // they outlive the app
  PusherOut& pusher;
  SocketIoOut& socketio;
  // So much is still to be told to clients here that nothing more is to be published.
  std::function<bool()> is_full = [] { return false; };
};

// The other processes of its cluster. Nothing set: there are none.
struct AppPeers {
  // As Bus::publish, of this tenant: the app hears it, too.
  std::function<bool(std::string_view channel, const std::string& body,
                     const std::optional<BusKeeps>& keeps)>
      publish{};
  // Whether this process is the one that tells webhooks of a channel.
  std::function<bool(std::string_view channel)> is_keeper = [](std::string_view) { return true; };
  std::function<bool()> has_others = [] { return false; };  // that it has heard of
};

class App {
 public:
  // `on_news`: what webhooks tell.
  App(TenantSpec tenant, SocketIoSpec spec, AppOuts outs, SocketIoIds ids,
      std::function<void(const News&)> on_news, std::function<Instant()> now);
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  void respec(TenantSpec tenant);  // for what comes from now on; who is here stays
  void tells_client_events(bool does) { tells_client_events_ = does; }  // as news; at first it does
  void end_all(int pusher_code, const std::string& why);

  PusherApp& pusher() { return pusher_; }
  SocketIoApp& socketio() { return socketio_; }
  const TenantSpec& spec() const { return pusher_.spec(); }
  Channels& channels() { return channels_; }
  // Connections that are here, also those that have said nothing yet: who brings them counts them.
  std::size_t connections() const { return connections_; }
  void came() { ++connections_; }
  void went() { --connections_; }
  bool is_empty() const { return pusher_.clients() == 0 && socketio_.is_empty(); }
  void expire(Instant now);  // about once a second
  // Says what changed of sync channels, once that is due: channels().sync() knows when.
  void tick(Instant now);

  // To all who read the channel, or to all clients of a user (events.h: user_channel_prefix), in
  // all processes. False: too much waits, and nobody hears it.
  bool publish(std::string_view channel, Message&& message, const Sender& sender);

  void join(AppPeers peers);        // before the first client
  void hears(const BusWord& word);  // of this tenant
  // As Bus::Calls says; false at first. What is kept is told channel by channel: it waits until all
  // of it is there, and is taken in the order in which it was said.
  void reaches(bool is_reaching);
  // What another process's clients changed, as Channels tells it.
  void hears_elsewhere(const Channels::Changed& changed, bool is_count);

  // What a server of a Node cluster said that this tenant has joined (socketio/node_cluster.h): to
  // clients here only, and not kept. Clients of Pusher stand in "/", and hear its first argument.
  void hears(const NodeBroadcast& broadcast);
  // Called for what is published here from now on, by publish(): what such servers are to be told,
  // without a uid. Empty: nobody is told.
  void on_publish(std::function<void(NodeBroadcast&&)> tell) { tell_node_ = std::move(tell); }

 private:
  struct Waiting {
    std::uint64_t turn = 0;
    std::string channel, body;
    Position position{};
  };
  void wait_for_turn(const BusWord& word);
  void take(const BusWord& word);
  // `given`: its place on the timeline, by the bus; none: it has none yet.
  void arrive(std::string_view channel, Message&& message, std::optional<ClientSlot> but,
              const Position* given);
  std::optional<BusKeeps> keeps(std::string_view channel) const;
  std::optional<ClientSlot> client_of(std::string_view id) const;
  void terminate(const std::string& user);
  void cut(const std::string& user);  // its clients here
  DialectHooks hooks(Dialect of);
  void relay(Dialect from, const News& news);
  void count_changed(const std::string& channel);
  void tell_count(const std::string& channel);
  void tell_node(std::string_view channel, const Message& message, const Sender& sender);

  Channels channels_;
  AppPeers peers_;
  bool is_reaching_ = false;
  std::vector<Waiting> waiting_;
  std::map<std::string, std::uint64_t, std::less<>> turns_;  // the last of each channel that waits
  std::uint64_t last_turn_ = 0;
  bool tells_client_events_ = true;
  std::size_t connections_ = 0;
  // Channels whose count of readers was told since the last expire(), and whether it is another by
  // now: that is told then, so that who comes and goes all the time is not told of each time.
  std::map<std::string, bool, std::less<>> counts_;
  const std::function<bool()> is_full_;
  std::function<void(const News&)> on_news_;
  std::function<Instant()> now_;
  std::function<void(NodeBroadcast&&)> tell_node_;
  PusherApp pusher_;
  SocketIoApp socketio_;
};

}  // namespace utakata::realtime
