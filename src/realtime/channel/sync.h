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
// In a cluster there are two for each channel: one takes what clients here put (owners: clients);
// what its tick() gives goes over the bus, not kept, and what is heard there, our own too, is put
// into the other with take_over (owners: processes), whose tick() local readers hear. The order of
// the bus decides there, so all have the same. A process that comes is told by whole() of each,
// when it asks for a snapshot; one that is forgotten is removed with remove_owner.
//
// Pure; one thread. A put: O(log keys); a tick: O(what changed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/problem.h"

namespace utakata::realtime {

struct SyncLimits {
  std::size_t keys = 1'000, keys_of_owner = 10;
  std::size_t key_bytes = 100, value_bytes = 1024;
  std::size_t bytes = 256 * 1024;  // of all keys and values
};

class SyncState {
 public:
  using Owner = std::uint32_t;  // a client's slot or a process
  explicit SyncState(SyncLimits limits = {}) : limits_(limits) {}

  // `value`: a JSON text, passed on as it is. Problems, and then nothing has changed: `refused` (a
  // limit), `conflict` (the key is another's).
  Expected<void> put(std::string_view key, std::string_view value, Owner owner);
  Expected<void> take_over(std::string_view key, std::string_view value, Owner owner);
  void remove(std::string_view key, Owner owner);  // another's, or none: nothing happens
  void remove_owner(Owner owner);

  // What changed since the last: {"key":value,"gone":null}. Empty: nothing. What came and went
  // between two ticks was never there, what is put as it was has not changed.
  std::string tick();
  std::string whole() const;  // all that ticks have told; empty: there is nothing
  bool is_over() const { return values_.empty() && changed_.empty(); }

 private:
  struct Value {
    std::string json;
    std::string told;  // at the last tick; empty: it was not there
    Owner owner = 0;
    bool is_there = true;  // else it is gone, and that is to be told
  };
  using Values = std::map<std::string, Value, std::less<>>;
  void own(Value& value, Owner owner);
  void disown(const Value& value);
  void drop(Values::iterator value);

  SyncLimits limits_;
  Values values_;
  std::set<std::string, std::less<>> changed_;  // keys
  std::unordered_map<Owner, std::size_t> keys_of_;
  std::size_t keys_ = 0, bytes_ = 0;  // of what is there
};

}  // namespace utakata::realtime
