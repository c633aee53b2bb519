// The bus of a cluster whose processes share one Redis (5 or later, not a Redis Cluster, which
// hashes keys to many). names.h says what it is called there, scripts.h what is done there.
//
// When one of its two connections (pair.h) is lost, a gap begins. After a gap everything kept that
// was not heard is read, then told, then `reaches(true)`.
//
// What was sent and not confirmed when the connection was lost is sent again: at least once to
// Redis, but told once. The script does not keep twice what one process numbered once (for an hour
// after that process' last word for the tenant), and who hears drops what it has heard of it
// before. Lost for all: what waits for a Redis when this process ends; for those cut off: what is
// not kept; and what Redis refuses by an error that is not a passing state (out of memory, say):
// trouble() tells of it. Which of two words of different processes came first in a gap, Redis
// knows.
//
// A Redis that was replaced or emptied: timelines have new epochs, serials begin at 1 again. While
// it lives, a tenant's serial never goes back: its key never expires, so Redis must not evict it
// (maxmemory-policy noeviction or volatile-*). `database` keeps keys apart, but not messages: what
// shares a Redis and is another cluster needs another prefix. Who may publish on our channels
// may say anything; what is no envelope is dropped.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "net/loop.h"
#include "realtime/bus/bus.h"
#include "realtime/redis/pair.h"
#include "wire/redis_address.h"

namespace utakata::realtime {

struct RedisBusSettings {
  wire::RedisAddress address{};
  std::string prefix = "utakata";  // of keys and channels
  RedisPatience patience{};
  // Of what is to be sent and not confirmed yet, each word with its names and 256 bytes more.
  std::size_t waiting_bytes = 8 * 1024 * 1024;
  // Of what comes while what is kept is being read; beyond, the gap begins again, and what was
  // read by then need not be.
  std::size_t heard_bytes = 32 * 1024 * 1024;
};

class RedisBus final : public Bus {
 public:
  RedisBus(net::Loop& loop, RedisBusSettings settings);
  ~RedisBus() override;  // not in one of its calls; none comes after it

  void join(Calls calls) override;
  bool publish(std::string_view tenant, std::string_view channel, std::string_view body,
               const std::optional<BusKeeps>& keeps) override;

  // Why it reaches nobody now, or what Redis refused last; `unavailable`. None: nothing is wrong.
  const std::optional<Problem>& trouble() const;
  std::size_t waiting_bytes() const;  // to be sent or confirmed
  std::size_t dropped() const;        // of what came: no envelopes of ours

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::realtime
