// Sync channels (sync-, private-sync-, presence-sync-): each client puts small states under keys of
// its own - where its player stands, where its cursor is - and instead of each change all changes
// since the last tick go out together, the newest of each key. With 50 players that move 30 times a
// second, 50 readers get 20 texts a second each instead of 1,450.
//
// As clients of Pusher Channels use it, without any extension (tenants that take client events):
//   says   client-sync        {"ann":{"x":1,"y":2}}   puts; null takes the key away
//   hears  utakata:sync       {"ann":{"x":1,"y":2},"bob":null}   all changes, its own too
//   hears  utakata:sync_all   {...}                   once, when it has come: all there is
// Socket.IO clients emit and hear the same names with the same data. A tick is 1/sync_hz of the
// tenant (1-60 a second, default 20). What a client has put goes when it leaves the channel.
//
// A key is whose who put it, until it is gone. In a cluster each process has the states of all: it
// tells the others at a tick what clients here have changed, and is told what was put elsewhere. Of
// two that let the same key be put before they had heard one another, the one that began first
// keeps it and the other gives way. So nothing depends on whose word came first, all come to have
// the same, and clients here hear one another at their ticks whatever becomes of the bus. Limits
// are those of all processes together; two that give the last place away at once find out likewise.
//
// Pure; one thread. A put: O(log keys); a tick: O(what changed).
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

inline constexpr std::string_view sync_put_event = "client-sync",
                                  sync_changes_event = "utakata:sync",
                                  sync_all_event = "utakata:sync_all";

struct SyncLimits {
  std::size_t keys = 1'000, keys_of_owner = 10;
  std::size_t key_bytes = 100, value_bytes = 1024;
  std::size_t bytes = 256 * 1024;               // of all keys and values
  std::size_t bytes_of_all = 64 * 1024 * 1024;  // of all channels of a tenant, in one process
};

class SyncState {  // of one channel
 public:
  // Whether the first of two processes began before the other; 0 is this one. The same in all.
  using Precedes = std::function<bool(Process, Process)>;
  // `precedes` outlives it; none: there are no other processes.
  explicit SyncState(SyncLimits limits = {}, const Precedes* precedes = nullptr)
      : limits_(limits), precedes_(precedes) {}

  // `value`: a JSON text, passed on as it is. Problems, and then nothing has changed: `refused` (a
  // limit), `conflict` (the key is another's).
  Expected<void> put(std::string_view key, std::string_view value, ClientSlot client);
  void remove(std::string_view key, ClientSlot client);  // another's, or none: nothing happens
  void remove_all_of(ClientSlot client);

  // Said again, they change nothing. A process has as many keys as a channel may, no more.
  void put_elsewhere(Process process, std::string_view key, std::string_view value);
  void remove_elsewhere(Process process, std::string_view key);
  void forget(Process process);  // as if it removed all. O(keys), if it has any
  void each_elsewhere(Process process,
                      const std::function<void(const std::string& key)>& take) const;

  // What changed since the last: {"key":value,"gone":null}. Empty: nothing, or nobody hears it.
  // What came and went between two ticks was never there, what is put as it was has not changed.
  std::string tick(bool is_heard = true);
  std::string whole() const;  // all that ticks have told, {} if that is nothing
  bool has_changed() const { return !changed_.empty() || !own_changed_.empty(); }
  std::size_t bytes() const { return bytes_; }  // of keys and values that are there
  bool is_over() const { return values_.empty() && !has_changed(); }

  // What others are to be told: what clients here changed since the last call (no value: it is
  // gone; these come first, for who hears it has the same limits), and all that is theirs.
  using TakeOwn = std::function<void(const std::string& key, const std::string* value)>;
  void take_own_changes(const TakeOwn& take);
  void each_own(const TakeOwn& take) const;

 private:
  struct Owner {
    Process process = 0;    // 0: this one
    ClientSlot client = 0;  // of this one
    auto operator<=>(const Owner&) const = default;
  };
  struct Value {
    std::string json;
    std::string told;  // at the last tick; empty: it was not there
    Owner owner{};
    bool is_there = false;  // else it is gone, and that is to be told
    bool is_of(Owner who) const { return is_there && owner == who; }
  };
  struct Shade {  // what another process has put under a key that is an older one's
    Process process = 0;
    std::string json;
  };
  using Values = std::map<std::string, Value, std::less<>>;
  using Shades = std::multimap<std::string, Shade, std::less<>>;
  void set(std::string_view key, std::string_view json, Owner owner);
  void unset(Values::iterator known);
  Shades::iterator shade_of(Process process, std::string_view key);
  bool pass_on(const std::string& key);
  void count(Owner owner, int change);
  std::size_t keys_of(Owner owner) const;
  void give_back();

  SyncLimits limits_;
  const Precedes* precedes_;
  Values values_;
  Shades shades_;  // for as long as their processes have not heard that they lost
  std::set<std::string, std::less<>> changed_, own_changed_;  // keys
  std::map<Owner, std::size_t> keys_of_;                      // shades among them
  std::size_t keys_ = 0, bytes_ = 0;                          // of what is there
};

}  // namespace utakata::realtime
