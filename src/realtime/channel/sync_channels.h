// The sync channels of one tenant (sync.h): those where something was put, here or in another
// process, and when the next tick is. Pure; one thread; `now` never goes back. A tick costs what
// changed, not what there is.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "realtime/channel/sync.h"

namespace utakata::realtime {

class SyncChannels {
 public:
  explicit SyncChannels(const SyncLimits& limits) : limits_(limits) {}
  SyncChannels(const SyncChannels&) = delete;
  SyncChannels& operator=(const SyncChannels&) = delete;
  void limit(const SyncLimits& limits) { limits_ = limits; }  // of channels that begin from now on

  struct Peers {
    SyncState::Precedes precedes;
    // What clients here changed, for the other processes. None: it is gone.
    std::function<void(const std::string& channel, const std::string& key,
                       const std::string* value)>
        say;
  };
  void join(Peers peers);  // before anything is put
  // Called when something waits for a tick, and before nothing did.
  void on_wait(std::function<void()> call) { on_wait_ = std::move(call); }

  // JSON null takes a key away. Problems are those of SyncState; what comes before it is done.
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Expected<void> put(std::string_view channel, const Fields& fields, ClientSlot client);
  void leaves(ClientSlot client, std::string_view channel);
  std::string whole(std::string_view channel) const;  // {} if there is nothing

  void put_elsewhere(Process process, std::string_view channel, std::string_view key,
                     std::string_view value);
  void remove_elsewhere(Process process, std::string_view channel, std::string_view key);
  void forget(Process process);
  void each_elsewhere(
      Process process,
      const std::function<void(const std::string& channel, const std::string& key)>& take) const;
  void each_own(const std::function<void(const std::string& channel, const std::string& key,
                                         const std::string& value)>& take) const;

  // Says what changed of each channel, unless it is too early, and nobody's who does not hear it.
  struct Ears {
    std::function<bool(const std::string& channel)> has_readers;
    std::function<void(const std::string& channel, const std::string& changed)> say;
  };
  void tick(Instant now, int ticks_per_second, const Ears& ears);
  std::optional<Instant> due() const;  // none: nothing waits

 private:
  struct Channel {
    SyncState state;
    bool waits = false;
    std::size_t bytes = 0;  // of its state, as counted in bytes_
  };
  using Channels = std::map<std::string, Channel, std::less<>>;
  Channels::value_type& open(std::string_view name);
  void changed(Channels::value_type& channel);

  SyncLimits limits_;
  Peers peers_;
  std::function<void()> on_wait_;
  Channels channels_;
  std::vector<Channels::value_type*> waiting_;
  std::size_t bytes_ = 0;  // of all channels
  Instant next_{};
};

}  // namespace utakata::realtime
