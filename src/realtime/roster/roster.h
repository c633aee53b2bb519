// Who else is there: the processes of one cluster tell one another their shares (who reads what
// there, who is there, what is put on sync channels), each hears all, and what is not heard of for
// a lease is forgotten. So every process knows everyone's share, and counts are right again a lease
// after a process died without a word or the bus was replaced by an empty one.
//
//   changes    at a tick: what changed here since the last; counts as they are now; numbered
//   heartbeat  when nothing was said for a while; each word tells the number of the last changes
//   ask        by who saw a gap in a sender's numbers, or hears of it for the first time
//   snapshot   the whole share, in parts; when all are there it takes the place of what was known
//   bye        by who stops in order
//
// One for all tenants of a process. It keeps no shares: others' are where RosterShares puts them,
// our own is read there when a snapshot is due. Pure; one thread; `now` never goes back. The bus is
// trusted (our own processes), but what it brings is checked: what is not understood is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "realtime/channel/channels.h"
#include "realtime/roster/words.h"

namespace utakata::realtime {

struct RosterSpec {
  // Of this process: 1 to 100 bytes, unlike that of any other, also of former ones. Whose id sorts
  // first keeps what two have taken at once: it had best begin with the time of the start.
  std::string id;
  Duration heartbeat_every{1s};
  // Five heartbeats: two that are late, and a process that was stopped for a while, are no death.
  Duration lease{5s};
  Duration snapshot_every{250ms};  // at most: who asks meanwhile gets the next
  Duration ask_again{1s};          // of who was asked and has told nothing
  std::size_t others_max = 1'024;  // more are not listened to
  // A snapshot's: 48 MiB, about a million channels. Of larger ones nothing is taken.
  std::size_t snapshot_parts_max = 1'024;
};

// Where shares are: in the Channels of each tenant. A tenant that is not known is no fault: then
// there is nothing to do.
class RosterShares {
 public:
  virtual ~RosterShares() = default;
  // Of another process: the calls of Channels and its sync() that end in _elsewhere, and what
  // follows from what they return (local readers hear of it, the keeper's webhooks tell of it).
  virtual void reads(Process process, std::string_view tenant, std::string_view channel,
                     std::size_t readers) = 0;
  virtual void joins(Process process, std::string_view tenant, std::string_view channel,
                     const Member& member) = 0;
  virtual void leaves(Process process, std::string_view tenant, std::string_view channel,
                      const std::string& user) = 0;
  virtual void puts(Process process, std::string_view tenant, std::string_view channel,
                    std::string_view key, std::string_view value) = 0;
  virtual void removes(Process process, std::string_view tenant, std::string_view channel,
                       std::string_view key) = 0;
  virtual void forget(Process process) = 0;  // in all tenants
  // All that these calls have left of it, or that clients here have: each channel with how many
  // read it, and its members (of other processes only their user is needed).
  using Take = std::function<void(std::string_view tenant, const std::string& channel,
                                  std::size_t readers, const std::vector<std::string>& users)>;
  virtual void each_of(Process process, const Take& take) const = 0;
  using TakeOwn = std::function<void(std::string_view tenant, const std::string& channel,
                                     std::size_t readers, const std::vector<Member>& members)>;
  virtual void each_own(const TakeOwn& take) const = 0;
  // The same for what is put. `value`: only of what is our own.
  using TakeState = std::function<void(std::string_view tenant, const std::string& channel,
                                       const std::string& key, std::string_view value)>;
  virtual void each_state_of(Process process, const TakeState& take) const = 0;
  virtual void each_own_state(const TakeState& take) const = 0;
};

struct RosterCounts {           // since the start
  std::uint64_t refused = 0;    // bodies that were not understood, too large or of too many senders
  std::uint64_t gaps = 0;       // times that something a sender said was not heard
  std::uint64_t forgotten = 0;  // processes whose lease ran out
  std::uint64_t snapshots_said = 0, snapshots_taken = 0;
  std::uint64_t unsaid = 0;  // own entries too large for a body
};

class Roster {
 public:
  // `publish`: to the bus, for the processes themselves (no tenant, no channel, not kept); false:
  // it was not taken. Heard by ourselves too, not within this call.
  using Publish = std::function<bool(const std::string& body)>;
  Roster(RosterSpec spec, RosterShares& shares, Publish publish);

  // As Channels::on_local_change tells it.
  void changed(std::string_view tenant, const Channels::LocalChange& change);
  // As SyncChannels::Peers::say does; no value: it is gone.
  void put(std::string_view tenant, const std::string& channel, const std::string& key,
           const std::string* value);
  void tenants_changed();  // some came or went: all tell all, once
  void hears(std::string_view body, Instant now);
  void reaches(bool is_reaching, Instant now);  // as Bus::Calls says; false at first
  void tick(Instant now);                       // about every 20 ms: what waits is said
  void bye();  // others forget us at once; nothing more is said, and nothing heard

  // One process of all has to do what is to be done once for a channel, such as its webhooks: all
  // that hear one another agree on which. It is one that knows everyone's shares, so that what it
  // takes for news is news; as long as there is none (all have just come), any. A cluster that is
  // split has one in each part, and for a lease after a keeper died there is none. O(others).
  bool is_keeper(std::string_view tenant, std::string_view channel) const;
  // 0: this one; empty: it is forgotten. O(others).
  std::string_view id_of(Process process) const;
  std::size_t others() const { return others_.size(); }
  bool is_settled() const;  // every other's share is known
  const RosterCounts& counts() const { return counts_; }

 private:
  struct Gathered {  // of a snapshot
    std::uint64_t number = 0;
    std::vector<std::string> bodies;
  };
  struct Other {
    Process process = 0;
    std::uint64_t id_hash = 0;
    std::uint64_t number = 0;  // of what it said last
    bool is_whole = false;     // we know its share as of then
    bool is_ready = false;
    Instant heard{};
    std::optional<Instant> asked{};
    std::optional<Gathered> gathered{};
  };
  struct Pending {                                               // of a channel
    std::optional<std::size_t> readers{};                        // none: as it was
    std::map<std::string, std::optional<Member>> users{};        // none: left
    std::map<std::string, std::optional<std::string>> states{};  // by key; none: gone
  };
  using Others = std::map<std::string, Other, std::less<>>;
  Pending& pending(std::string_view tenant, const std::string& channel);
  Other* known(std::string_view id, Instant now);
  void hears_self(const RosterWord& word, Instant now);
  void hears_changes(Other& other, const RosterWord& word);
  void hears_snapshot(Other& other, const RosterWord& word, std::string_view body);
  void hears_ask(const RosterWord& word);
  void take_whole(Other& other, const Gathered& gathered);
  void apply(Process process, const RosterEntry& entry);
  void lose(Other& other);
  void notice_absence(Instant now);
  bool say(RosterWord head, Instant now, std::string_view entries = {});
  void say_changes(Instant now);
  void say_snapshot(Instant now);
  void say_asks(Instant now);
  void forget_silent(Instant now);
  void become_ready(Instant now);
  void forget(Others::iterator other);

  const RosterSpec spec_;
  const std::uint64_t id_hash_;
  RosterShares& shares_;
  const Publish publish_;
  RosterCounts counts_;
  Others others_;  // by id
  Process last_process_ = 0;
  std::map<std::string, std::map<std::string, Pending, std::less<>>, std::less<>> pending_;
  std::uint64_t number_ = 0;  // of the changes said last

  bool is_reaching_ = false, is_over_ = false;
  bool asks_all_ = true;
  bool owes_snapshot_ = false;
  bool is_snapshot_under_way_ = false;            // said, and none of it heard
  std::optional<Instant> snapshot_at_, said_at_;  // when the last was said
  std::optional<Instant> heard_self_;
  Instant contact_since_{};
  bool says_ready_ = false, is_ready_ = false;  // ready: once all have heard it, we too
};

}  // namespace utakata::realtime
