// One tenant as clients of Pusher Channels see it (protocol 7): what a client says changes the
// tenant's channels, and others hear of it. It knows no socket: who hears what goes to a PusherOut.
// What is published goes to a hook, and comes back by hears(). Pure; one thread; `now` never goes
// back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/problem.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/news.h"
#include "realtime/pusher/events.h"
#include "realtime/pusher/signature.h"
#include "realtime/pusher/socket_id.h"

namespace utakata::realtime {

struct TenantSpec {
  std::string id, name;
  TenantKey key;
  bool is_enabled = true;
  bool takes_client_events = false;
  bool tells_subscription_counts = false;
  bool compresses = false;  // messages, of clients that can (RFC 7692); for those who come from now
  int connections_max = 100'000;
  int client_events_per_second = 10;         // of one client
  std::size_t event_data_bytes = 10 * 1024;  // of one message
  std::size_t event_name_bytes = 200;
  std::size_t user_id_bytes = 128, user_info_bytes = 1024;
  std::vector<std::string> origins{};  // of web pages that may connect; empty: all
  SlowReaders when_slow = SlowReaders::close;
  ChannelLimits channels{};
  int sync_hz = 20;  // ticks of sync channels a second: 1 to 60

  // Of one client. Twice as often as others hear of it: a client whose own clock beats unevenly is
  // not refused.
  int syncs_per_second() const { return 2 * std::clamp(sync_hz, 1, 60); }
};

class PusherOut {
 public:
  virtual ~PusherOut() = default;
  // Texts are valid in the call.
  virtual void say(ClientSlot client, std::string_view text) = 0;
  // To all of them, each text of a channel in its order. None: nobody. `but`: who sent it and does
  // not hear it. `may_be_missed`: by who reads too slowly, as its tenant's `when_slow` says.
  virtual void say_all(std::string_view channel, Readers clients, std::string_view text,
                       std::optional<ClientSlot> but, bool may_be_missed) = 0;
  virtual void end(ClientSlot client, int code, const std::string& why) = 0;
};

class PusherApp {
 public:
  PusherApp(TenantSpec spec, Channels& channels, PusherOut& out, DialectHooks hooks);

  void respec(TenantSpec spec);  // for what comes from now on; who is here stays
  // `waits`: it is told nothing before lets_in() or turns_away().
  void opens(ClientSlot client, SocketId id, bool waits = false);
  // `activity_timeout_s`: how long it may hear nothing before it asks whether we are there.
  void lets_in(ClientSlot client, int activity_timeout_s = 120);
  void turns_away(ClientSlot client, int code, const std::string& why);
  void says(ClientSlot client, std::string_view text, Instant now);
  void leaves(ClientSlot client, Instant now);
  // It has said nothing for long; again: nor since it was asked. Asks, then ends it.
  void silent(ClientSlot client, bool again);
  void end_all(int code, const std::string& why);

  struct Publication {
    std::string event;
    std::string data;  // a JSON value
    std::vector<std::string> channels;
    std::string but_socket_id;  // who does not hear it; empty: all do
  };
  // On #server-to-user-ID it goes to all clients of that user. Problems: `invalid`, `refused` (a
  // limit), `unavailable` (the other processes cannot be reached for long, and too much waits).
  Expected<void> publish(const Publication& publication);
  std::optional<Problem> fault_of(const Publication& publication) const;    // none: it can be
  void terminate_user(const std::string& user) { hooks_.terminate(user); }  // everywhere
  int cut_user(const std::string& user);                                    // how many clients here

  // Something was published: at that position of the channel's timeline, if it has one.
  // `tells_epoch`: it is the first of that epoch here.
  void hears(std::string_view channel, const Message& message, const Position& position,
             std::optional<ClientSlot> but, bool tells_epoch = false);
  // The same for some of its readers, of what has no place on a timeline.
  void hears(std::string_view channel, const Message& message, Readers readers);
  void hears_as_user(const std::string& user, const Message& message,
                     std::optional<ClientSlot> but);
  // On a channel, by a client of another dialect or in another process.
  void hears_added(std::string_view channel, const Member& member);
  void hears_removed(std::string_view channel, const std::string& user);
  void hears_count(std::string_view channel, std::size_t readers);
  void hears_sync(std::string_view channel, const std::string& changed);  // of a sync channel

  struct Refused {  // a subscription, as protocol 7 says it
    const char* type;
    int status;
    std::string what;
  };
  const TenantSpec& spec() const { return spec_; }
  const Channels& channels() const { return channels_; }
  std::size_t clients() const { return by_socket_id_.size(); }
  std::optional<ClientSlot> client_of(std::string_view socket_id) const;
  std::string socket_id_of(ClientSlot client) const { return clients_[client].id.text(); }

 private:
  struct Client {
    Instant second{};  // in which it has sent so many events
    SocketId id{};
    int events = 0, syncs = 0;
    bool is_there = false, has_spoken = false, is_waiting = false;
  };
  void subscribe(ClientSlot client, const PusherSays& says, Instant now);
  std::expected<std::optional<Member>, Refused> admit(ClientSlot client, const PusherSays& says);
  void tell_arrival(ClientSlot client, const std::string& channel,
                    const std::optional<Member>& member, const Channels::Subscribed& came);
  void tell_departure(const Channels::Left& left);
  void tell_count(const std::string& channel);
  void sign_in(ClientSlot client, const PusherSays& says);
  void client_event(ClientSlot client, const ClientEvent& said, Instant now);
  void history(ClientSlot client, const PusherSays& says, Instant now);
  Client& counted(ClientSlot client, Instant now);  // with what it said in this second
  void sync_event(ClientSlot client, const ClientEvent& said);
  void sync_arrival(ClientSlot client, const std::string& channel);
  const char* event_fault(ClientSlot client, const ClientEvent& said, ChannelKind kind) const;

  TenantSpec spec_;
  Channels& channels_;
  PusherOut& out_;
  const DialectHooks hooks_;
  PusherReader reader_;
  std::string said_;             // the memory of what hears() says
  std::vector<Client> clients_;  // by slot
  std::unordered_map<SocketId, ClientSlot, SocketIdHash> by_socket_id_;
};

}  // namespace utakata::realtime
