// One tenant as clients of Socket.IO 4 see it (protocol 5): the same channels that clients of
// Pusher read, by the events of events.h. It knows no socket and no transport: what is said goes to
// a SocketIoOut. Pure; one thread; `now` never goes back.
//
// What its clients publish goes to a hook; whoever publishes on the channels tells hears() of it:
// so that both dialects hear the same. A client reads a channel through one of its
// namespaces only, and a namespace is no more than a place to stand: channels are the tenant's.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/problem.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/news.h"
#include "realtime/pusher/app.h"
#include "realtime/socketio/events.h"
#include "realtime/socketio/node_cluster.h"
#include "realtime/socketio/packet.h"
#include "realtime/socketio/recovery.h"
#include "realtime/socketio/seat_words.h"

namespace utakata::realtime {

struct SocketIoSpec {
  std::vector<std::string> namespaces{};  // beside "/"; with their slash
  Duration connect_timeout{45s};          // from opens() to its first connect
  RecoveryLimits recovery{};
};

struct SocketIoIds {
  std::function<std::string()> sid;     // as Pusher's socket ids are: servers sign it the same way
  std::function<std::string()> secret;  // 20 letters or so, unlike any before, that nobody guesses
};

// The other processes of its cluster. Nothing set: there are none.
struct SocketIoPeers {
  // To the SocketIoApp of this tenant in each process, ourselves included, in one order with what
  // is published on channels (hears_seat_word). False: it was not taken.
  std::function<bool(const std::string& body)> tell{};
  std::function<bool()> has_others = [] { return false; };
};

// Texts are packets of Socket.IO: without the 4 of Engine.IO. It may not call the app back: that a
// client is gone is told later.
class SocketIoOut {
 public:
  virtual ~SocketIoOut() = default;
  virtual void say(ClientSlot client, const std::string& text) = 0;
  // To all of them but `but`, the attachments behind the text. Among `clients` may be some that
  // speak another dialect: they get nothing of it. What a client gets must keep the order of the
  // calls over all channels: recovery depends on it. `may_be_missed`: by who reads too slowly.
  virtual void say_all(std::string_view channel, Readers clients, const std::string& text,
                       std::span<const std::string> attachments, std::optional<ClientSlot> but,
                       bool may_be_missed) = 0;
  virtual void end(ClientSlot client, const std::string& why) = 0;  // its whole connection
};

class SocketIoApp {
 public:
  // Of the tenant: the key and the limits. `channels` outlives this.
  SocketIoApp(TenantSpec tenant, SocketIoSpec spec, Channels& channels, SocketIoOut& out,
              SocketIoIds ids, DialectHooks hooks);
  void respec(TenantSpec tenant) { tenant_ = std::move(tenant); }  // who is here stays
  void end_all(const std::string& why);
  void join(SocketIoPeers peers) { peers_ = std::move(peers); }  // before the first client

  // A connection of Engine.IO. `waits`: it connects to nothing before lets_in(), or after
  // turns_away(), which its next connect is answered with, and then it is ended.
  void opens(ClientSlot client, Instant now, bool waits = false);
  void lets_in(ClientSlot client, Instant now);
  void turns_away(ClientSlot client, const std::string& why);
  // Messages of it. One that is no packet, or out of turn, ends the connection.
  void says(ClientSlot client, std::string_view text, Instant now);
  void says_bytes(ClientSlot client, std::string_view bytes, Instant now);
  void leaves(ClientSlot client, Instant now);  // end() does not replace it; safe to repeat

  // Something was published on a channel, at that position of its timeline, and nothing since;
  // `but`: who sent it. A message of a reserved name (packet.h) is not told: it would cut who hears
  // it.
  void hears(std::string_view channel, const Message& message, const Position& position,
             std::optional<ClientSlot> but);
  // On a channel, by a client of another dialect or in another process.
  void hears_added(std::string_view channel, const Member& member, std::optional<ClientSlot> but);
  void hears_removed(std::string_view channel, const std::string& user);
  void hears_count(std::string_view channel, std::size_t readers);
  void hears_sync(std::string_view channel, const std::string& changed);  // of a sync channel
  // Said to a user: each of its clients hears it where it signed in. It is not kept.
  void hears_as_user(const std::string& user, const Message& message,
                     std::optional<ClientSlot> but);
  // They are told so, that they do not come again by themselves, and nobody of them is recovered.
  void cut_user(const std::string& user, Instant now);

  // Of seats (seat_words.h): who broke off at one process may come again at another. An ask has
  // a second to be answered, then its client begins anew.
  void hears_seat_word(std::string_view body, Instant now);
  // This process ends, all its clients have gone: those who may come again are another's from then
  // on, if any takes them. False: there is nobody to be given away, or nobody to take them.
  bool leave_seats(Instant now);
  bool has_left_seats() const;  // the bus has them all

  // Servers of a Node cluster (node_cluster.h): to those of a namespace who are meant. A room is a
  // channel or a sid. What is heard so is not kept: nobody recovers it. Who joins needs no
  // signature, since a server says so; presence channels are not joined, for nobody says who it is.
  void hears(const NodeBroadcast& broadcast);
  void obeys(std::string_view space, const NodeRequest& request, Instant now);
  std::vector<NodeSocket> sockets(std::string_view space, const NodeRooms& to) const;
  std::vector<std::string> rooms(std::string_view space) const;  // those that have somebody
  // The JSON of the event that its clients hear of a message, but for an offset.
  std::string arguments_of(std::string_view channel, const Message& message) {
    return socketio_arguments(channel, unpack(message));
  }

  std::optional<ClientSlot> client_of(std::string_view sid) const;
  std::size_t clients() const { return by_sid_.size(); }  // each namespace of each counts
  bool is_empty() const;                                  // no connection is here either
  void expire(Instant now);                               // about once a second

 private:
  struct Client {
    bool is_there = false, has_connected = false;
    bool is_at_fault = false;  // it said what is no packet: it is not recovered
    Instant opened{};
    Instant second{};  // in which it has sent so many events
    int events = 0, syncs = 0;
    std::vector<RecoverySeat> seats{};
    std::vector<std::string> asked{};  // pids that other processes are asked for: it waits
    std::size_t asks = 0;              // so far
    SocketIoAssembly assembly{};
  };
  struct Waiting {  // who has not been let in
    std::vector<SocketIoPacket> connects{};
    std::optional<std::string> why_not{};  // it will not be
  };
  using Taken = Expected<std::optional<SocketIoWhole>>;
  using Done = Expected<std::vector<Member>>;  // of a presence channel, for the ack

  void take(ClientSlot client, Taken taken, Instant now);
  void fail(ClientSlot client, const std::string& why);
  void connect(ClientSlot client, const SocketIoPacket& packet, Instant now);
  void wait(ClientSlot client, Waiting& waiting, const SocketIoPacket& connect);
  void begin(ClientSlot client, const std::string& space);
  bool comes_again(ClientSlot client, const std::string& space, const SocketIoAsks& asks,
                   Instant now);
  void cut_former(const std::string& pid, std::optional<ClientSlot> but, Instant now);
  bool restore(ClientSlot client, RecoverySeat seat, Instant now);
  void disconnect(ClientSlot client, const std::string& space, Instant now);
  void event(ClientSlot client, const SocketIoWhole& whole, Instant now);
  struct Asked {  // a seat, of other processes
    std::uint64_t number = 0;
    std::string space;
    std::optional<ClientSlot> client{};   // who waits for it; none: it has gone
    std::optional<std::uint64_t> came{};  // what had come when the bus brought the ask
    Instant until{};
  };
  bool ask(ClientSlot client, const std::string& space, const SocketIoAsks& asks, Instant now);
  bool is_asking(ClientSlot client, std::string_view space) const;
  void stop_asking(ClientSlot client, std::string_view space);
  std::optional<ClientSlot> take_waiting(Asked& asked, const std::string& pid);
  void hears_ask(const SeatWord& word, Instant now);
  void hears_ask_all(const SeatWord& word, Instant now);
  void hears_seat(SeatWord word, Instant now);
  void hears_lost(const SeatWord& word);
  void hears_leaving(const SeatWord& word, Instant now);
  bool hand_over(const Recovery::Away& away, const SeatWord& asked, Instant now);
  std::optional<RecoverySeat> taken(HandedSeat handed, std::uint64_t came) const;
  void give_up_asking(Instant now);

  Done obey(ClientSlot client, RecoverySeat& seat, const SocketIoWhole& whole,
            const SocketIoSays& says, Instant now);
  Done subscribe(ClientSlot client, RecoverySeat& seat, const SocketIoSays& says, Instant now);
  Done enter(ClientSlot client, RecoverySeat& seat, const std::string& channel,
             const std::optional<Member>& member, Instant now);
  Done unsubscribe(ClientSlot client, RecoverySeat& seat, const std::string& channel, Instant now);
  Expected<std::optional<Member>> admit(const RecoverySeat& seat, const SocketIoSays& says);
  Done client_event(ClientSlot client, const RecoverySeat& seat, const SocketIoWhole& whole,
                    const SocketIoSays& says, Instant now);
  Done sync_event(ClientSlot client, const SocketIoWhole& whole, const SocketIoSays& says);
  void sync_arrival(ClientSlot client, const std::string& space, const std::string& channel);
  const char* event_fault(ClientSlot client, const SocketIoSays& says) const;
  void history(ClientSlot client, const SocketIoPacket& asked, const SocketIoSays& says,
               Instant now);
  Expected<Page> page_for(ClientSlot client, const SocketIoSays& says, Instant now);
  Client& counted(ClientSlot client, Instant now);  // with what it said in this second
  Done sign_in(ClientSlot client, RecoverySeat& seat, const SocketIoSays& says);
  void become(ClientSlot client, const std::string& user);  // in none of its namespaces yet

  Readers meant(std::string_view space, const NodeRooms& to) const;
  void add_room(std::string_view space, const std::string& room,
                std::vector<ClientSlot>& into) const;
  void dismiss(ClientSlot client, std::string_view space, bool is_close, Instant now);
  const RecoverySeat* seat_of(ClientSlot client, std::string_view space) const;
  RecoverySeat* seat_of(ClientSlot client, std::string_view space);
  void sit(ClientSlot client, RecoverySeat seat);
  void leave_channels(ClientSlot client, const RecoverySeat& seat, Instant now);
  void tell_arrival(ClientSlot client, const std::string& channel,
                    const std::optional<Member>& member, const Channels::Subscribed& came);
  void tell_count(const std::string& channel);
  void tell_departure(const Channels::Left& left);
  void deliver(std::string_view channel, const Message& message, std::string_view offset,
               std::span<const std::string> attachments, std::optional<ClientSlot> but,
               bool may_be_missed);
  Message unpack(const Message& message);
  void note_place(ClientSlot client, const std::string& channel, const std::string& space,
                  bool is_there);

  TenantSpec tenant_;
  const SocketIoSpec spec_;
  Channels& channels_;
  SocketIoOut& out_;
  const SocketIoIds ids_;
  const DialectHooks hooks_;
  SocketIoPeers peers_;
  SocketIoPacketReader packets_;
  SocketIoReader reader_;
  PusherReader members_;  // channel_data is the same in both dialects
  Recovery recovery_;
  std::vector<Client> clients_;  // by slot
  std::unordered_map<ClientSlot, Waiting> waiting_;
  std::unordered_map<std::string, ClientSlot> by_sid_, by_pid_;
  std::map<std::string, Asked> asked_;        // by pid
  std::map<std::uint64_t, Asked> asked_all_;  // of who leaves, by number
  std::uint64_t last_asked_ = 0;
  bool is_leaving_ = false;
  std::size_t handing_over_ = 0;  // seats that the bus does not have yet
  // Who reads a channel through another namespace than "/": by channel, by namespace.
  std::map<std::string, std::map<std::string, std::vector<ClientSlot>>, std::less<>> elsewhere_;
};

}  // namespace utakata::realtime
