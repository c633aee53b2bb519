// How the processes of one realtime cluster hear one another: what one publishes, all hear, itself
// included, and those on one channel of one tenant in one order. Who implements it: one host's
// parent process (host/) and Redis (redis/). Loop thread only.
//
// What is kept gets a place on its channel's timeline: offsets that rise by one. A process that
// joins, or comes back after a gap, is told first what is kept and what it has not heard; then
// `reaches(true)`. A gap costs freshness: what is not kept and was said in it is lost for those
// cut off, nothing comes twice, nothing out of order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/instant.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

struct BusKeeps {
  std::size_t count = 100;  // of a channel, the newest
  Duration age{5min};  // since the channel's newest: then all of it is forgotten, epoch and all
};

struct BusWord {
  std::string_view tenant;   // its id
  std::string_view channel;  // empty: for the processes themselves
  std::string_view body;     // as it was published, any bytes
  Position position{};       // of what is kept; else its epoch is empty
  std::uint64_t serial = 0;  // of what is kept: rises over all channels of a tenant, with holes
};

class Bus {
 public:
  struct Calls {
    std::function<void(const BusWord&)> heard;  // views are valid in the call
    // False: a gap began. True: it is over (or it has joined), all that is kept was told before.
    std::function<void(bool)> reaches;
  };
  virtual ~Bus() = default;
  virtual void join(Calls calls) = 0;  // once; nothing is heard within this call
  // False: too much waits to be sent (cut off for long), and this was not taken. What was taken in
  // a gap is sent when it is over. Heard by ourselves, too, never within this call.
  virtual bool publish(std::string_view tenant, std::string_view channel, std::string_view body,
                       const std::optional<BusKeeps>& keeps) = 0;
};

}  // namespace utakata::realtime
