// One tenant's channels: who reads what, who is there, what was said lately, what is put on those
// that are sync channels. It knows no socket and no dialect: clients are slots, and each call says
// who is to hear of it. Clients are those of this process; of other processes of a cluster it knows
// what the calls ..._elsewhere say. Counts, members and vacancy are those of the whole cluster,
// unless a name says `local` or `here`.
//
// A channel begins with its first reader or message and ends when it has neither readers nor
// anything kept. Pure; one thread; `now` never goes back. subscribe, unsubscribe: O(log readers),
// and O(readers) moves of 4 bytes where slots are not in the order of their subscriptions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/problem.h"
#include "realtime/channel/channel_name.h"
#include "realtime/channel/message.h"
#include "realtime/channel/page.h"
#include "realtime/channel/sync_channels.h"
#include "realtime/channel/timeline.h"

namespace utakata::realtime {

struct ChannelLimits {
  std::size_t channels_of_client = 1'000;
  std::size_t members = 100;            // users of a presence channel
  std::size_t kept_channels = 100'000;  // that nobody reads: the longest unused is forgotten
  bool has_timelines = false;           // of all channels
  TimelineLimits timeline{};
  Duration cached_for{30min};  // the last message of a cache channel
  // Channels and members that one other process may have here; what is more is not taken.
  std::size_t of_another_process = 1'000'000;
  SyncLimits sync{};  // of one channel
};

struct Member {  // of a presence channel: a user, however many clients it has there
  std::string user;
  std::string info;  // JSON; empty: none
  bool operator==(const Member&) const = default;
};

class Channels {
 public:
  // `random`: a text unlike any before, for epochs.
  Channels(ChannelLimits limits, std::function<std::string()> random);
  ~Channels();
  void limit(const ChannelLimits& limits);          // for what comes from now on
  void speaks(ClientSlot client, Dialect dialect);  // until it leaves; unsaid: that of Pusher

  struct Subscribed {
    bool was_vacant = false;        // nobody read it before: `channel_occupied`
    bool is_new_member = false;     // its user was not there before, anywhere: `member_added`
    std::vector<Member> members{};  // of a presence channel, with the new one
    Position position{};            // of its timeline; epoch empty: it has none
    std::optional<std::vector<Timeline::Entry>> missed{};  // since where it asked for; none: anew
    MessagePtr cached{};  // of a cache channel; none: there is nothing
  };
  // Problems: `conflict` (it reads it already), `refused` (a limit), `invalid` (a presence channel
  // and no member).
  Expected<Subscribed> subscribe(ClientSlot client, std::string_view channel,
                                 const std::optional<Member>& member,
                                 const std::optional<Position>& since, Instant now);

  struct Left {
    std::string channel;
    bool is_vacant = false;        // `channel_vacated`
    std::optional<Member> gone{};  // the last client of its user: `member_removed`
  };
  // Nothing: it did not read it.
  std::optional<Left> unsubscribe(ClientSlot client, std::string_view channel, Instant now);
  // The client is gone: of all its channels, and signed out.
  std::vector<Left> leave(ClientSlot client, Instant now);

  // What clients here changed of this process's share: what others are to be told. Called within
  // subscribe, unsubscribe and leave, when it is done; views are valid in the call.
  struct LocalChange {
    const std::string& channel;
    std::size_t readers = 0;            // here, now
    std::optional<Member> came{};       // its first client here
    std::optional<std::string> gone{};  // its last client here has left
  };
  void on_local_change(std::function<void(const LocalChange&)> tell);  // empty: nobody is told
  // All that clients here read, in no order; members of presence channels.
  void each_local(const std::function<void(const std::string& channel, std::size_t readers,
                                           const std::vector<Member>& members)>& take) const;

  // What became of a channel. `channel_occupied`: it was vacant and is not; `channel_vacated`: the
  // other way round. Local readers are to hear of `came` and `gone`, they are of the whole cluster.
  struct Changed {
    std::string channel;
    bool was_vacant = false, is_vacant = false;
    std::optional<Member> came{}, gone{};
  };
  // How many read it there, now; 0: none. Said again, these three change nothing.
  Changed reads_elsewhere(Process process, std::string_view channel, std::size_t readers);
  Changed joins_elsewhere(Process process, std::string_view channel, const Member& member);
  Changed leaves_elsewhere(Process process, std::string_view channel, const std::string& user);
  // As if each of its members left and nobody read anything there any more. O(what it had).
  std::vector<Changed> forget(Process process);
  // All it has here, in no order.
  void each_elsewhere(Process process,
                      const std::function<void(const std::string& channel, std::size_t readers,
                                               const std::vector<std::string>& users)>& take) const;

  // Is what is published there kept? Where not, publish() and place() need not be called.
  bool keeps(std::string_view channel) const;
  // Kept by the timeline or as the last one where the channel has such. The channel need not be
  // read by anybody.
  Position publish(std::string_view channel, MessagePtr message, Instant now);
  // The same for a message that was given its place by the bus. False: it is not above the last of
  // its epoch, and ignored.
  bool place(std::string_view channel, MessagePtr message, const Position& position, Instant now);
  // How many messages were put on timelines so far, of all channels: the number of the newest
  // (Timeline::Entry::came).
  std::uint64_t came() const { return came_; }
  // As Timeline::came_after(), also of a channel that has no timeline, or is forgotten.
  std::optional<std::vector<Timeline::Entry>> came_after(std::string_view channel,
                                                         std::uint64_t came,
                                                         std::string_view id) const;

  // Those here, as they are now. O(1); the next change of a list that is still held copies it.
  Readers readers(std::string_view channel, Dialect dialect = Dialect::pusher) const;
  std::size_t readers_count(std::string_view channel) const;  // of all dialects, everywhere
  std::size_t local_readers_count(std::string_view channel) const;
  bool reads(ClientSlot client, std::string_view channel) const;
  std::optional<Member> member_of(ClientSlot client, std::string_view channel) const;
  std::vector<Member> members(std::string_view channel) const;
  const Timeline* timeline(std::string_view channel) const;  // none: nothing is kept
  MessagePtr cached(std::string_view channel, Instant now) const;
  // Of what is kept here: in a cluster that is what this process was told so far, which is all that
  // is kept as long as it reaches the others. `invalid`: there are no timelines.
  Expected<Page> page(std::string_view channel, const PageAsked& asked, Instant now) const;
  std::size_t channels_of(ClientSlot client) const;
  // All that somebody reads, with how many; in no order.
  void each_occupied(
      const std::function<void(const std::string&, std::size_t readers)>& take) const;

  // Users who have signed in; a client is one user at most.
  void sign_in(ClientSlot client, const std::string& user);
  void sign_out(ClientSlot client);  // safe to repeat
  Readers clients_of(const std::string& user, Dialect dialect = Dialect::pusher) const;
  const std::string* user_of(ClientSlot client) const;  // none: not signed in

  // What clients have put on sync channels. What one has put goes when it leaves the channel, and
  // what a process has put with forget().
  SyncChannels& sync() { return sync_; }
  const SyncChannels& sync() const { return sync_; }

  void expire(Instant now);  // forgets what is too old; to be called about once a second

 private:
  struct Channel;
  struct Part {  // what another process has of a channel
    Process process = 0;
    std::uint32_t readers = 0, members = 0;
  };
  struct Share {  // what it has of all
    std::unordered_set<Channel*> channels{};
    std::size_t entries = 0;  // these channels, and their members
  };
  struct Client {
    std::vector<Channel*> channels{};
    std::string user{};
    Dialect dialect = Dialect::pusher;
  };
  Channel* find(std::string_view name) const;
  Channel& open(std::string_view name);
  Left part(ClientSlot client, Dialect dialect, Channel& channel, Instant now);
  void close_if_over(Channel& channel);
  void erase(const std::string& name);
  Part& part_of(Process process, Channel& channel);
  void settle(Process process, Channel& channel);
  bool may_take_more(Process process) const;
  void tell_local(const Channel& channel, std::optional<Member> came,
                  std::optional<std::string> gone) const;

  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  ChannelLimits limits_;
  mutable Channel* found_ = nullptr;  // last: a message asks for the same one several times
  std::function<std::string()> random_;
  std::unordered_map<std::string, std::unique_ptr<Channel>, NameHash, std::equal_to<>> channels_;
  std::uint64_t came_ = 0, forgotten_ = 0;  // forgotten: the newest that went with its channel
  std::vector<Client> clients_;             // by slot
  using Slots = std::shared_ptr<std::vector<ClientSlot>>;               // sorted
  std::unordered_map<std::string, std::array<Slots, dialects>> users_;  // no list that is empty
  std::map<std::pair<Instant, std::string>, Channel*> kept_;  // that nobody reads, by last use
  std::unordered_map<Process, Share> elsewhere_;
  std::function<void(const LocalChange&)> on_local_change_;
  SyncChannels sync_;
};

}  // namespace utakata::realtime
