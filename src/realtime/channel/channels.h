// One tenant's channels in this process: who reads what, who is there, what was said lately. It
// knows no socket and no dialect: clients are slots, and each call says who is to hear of it.
//
// A channel begins with its first reader or message and ends when it has neither readers nor
// anything kept. Pure; one thread; `now` never goes back. subscribe, unsubscribe: O(log readers),
// and O(readers) moves of 4 bytes where slots are not in the order of their subscriptions.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/problem.h"
#include "realtime/channel/channel_name.h"
#include "realtime/channel/message.h"
#include "realtime/channel/timeline.h"

namespace utakata::realtime {

struct ChannelLimits {
  std::size_t channels_of_client = 1'000;
  std::size_t members = 100;            // users of a presence channel
  std::size_t kept_channels = 100'000;  // that nobody reads: the longest unused is forgotten
  bool has_timelines = false;           // of all channels
  TimelineLimits timeline{};
  Duration cached_for{30min};  // the last message of a cache channel
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
    bool is_new_member = false;     // its user was not there before: `member_added`
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

  // Kept by the timeline or as the last one where the channel has such. The channel need not be
  // read by anybody.
  Position publish(std::string_view channel, MessagePtr message, Instant now);

  // As they are now. O(1); the next change of a list that is still held copies it.
  Readers readers(std::string_view channel, Dialect dialect = Dialect::pusher) const;
  std::size_t readers_count(std::string_view channel) const;  // of all dialects
  bool reads(ClientSlot client, std::string_view channel) const;
  std::optional<Member> member_of(ClientSlot client, std::string_view channel) const;
  std::vector<Member> members(std::string_view channel) const;
  const Timeline* timeline(std::string_view channel) const;  // none: nothing is kept
  MessagePtr cached(std::string_view channel, Instant now) const;
  std::size_t channels_of(ClientSlot client) const;
  // All that somebody reads, with how many; in no order.
  void each_occupied(
      const std::function<void(const std::string&, std::size_t readers)>& take) const;

  // Users who have signed in; a client is one user at most.
  void sign_in(ClientSlot client, const std::string& user);
  Readers clients_of(const std::string& user) const;
  const std::string* user_of(ClientSlot client) const;  // none: not signed in

  void expire(Instant now);  // forgets what is too old; to be called about once a second

 private:
  struct Channel;
  struct Client {
    std::vector<Channel*> channels{};
    std::string user{};
    Dialect dialect = Dialect::pusher;
  };
  Channel* find(std::string_view name) const;
  Channel& open(std::string_view name);
  Left part(ClientSlot client, Dialect dialect, Channel& channel, Instant now);
  void close_if_over(Channel& channel);

  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  ChannelLimits limits_;
  std::function<std::string()> random_;
  std::unordered_map<std::string, std::unique_ptr<Channel>, NameHash, std::equal_to<>> channels_;
  std::vector<Client> clients_;  // by slot
  std::unordered_map<std::string, std::shared_ptr<std::vector<ClientSlot>>> users_;
  std::map<std::pair<Instant, std::string>, Channel*> kept_;  // that nobody reads, by last use
};

}  // namespace utakata::realtime
