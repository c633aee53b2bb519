// A worker's side of its host: the bus between the workers, connections that go to another of them,
// and what is asked of the parent or ordered by it. All over one link. Loop thread only; not from
// a turn's end (Loop::on_turn_end), where what is sent may wait until something else happens.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "net/descriptor.h"
#include "net/loop.h"
#include "realtime/bus/bus.h"
#include "realtime/host/link.h"

namespace utakata::realtime {

struct HostBusLimits {
  LinkLimits link{};
  Duration answer_within{5s};  // of the parent, which may wait 2 s for the other workers
};

class HostBus final : public Bus {
 public:
  using Answer = std::function<void(std::string_view)>;  // at most once; it may outlive the bus
  struct HostCalls {
    // There is no way back: the worker is to end. May destroy the bus, as no other call may.
    std::function<void()> parent_gone{};
    // A connection that another worker took, and what it has read of it. Never an empty descriptor.
    std::function<void(std::string_view bytes, net::Descriptor)> handed_over{};
    // Answered at once or later; where the parent wants no answer, it is thrown away.
    std::function<void(std::string_view text, Answer)> ordered{};
  };
  // `link`: as the parent gave it (Workers). Orders and connections may come before join().
  HostBus(net::Loop& loop, net::Descriptor link, HostCalls calls, HostBusLimits limits = {});
  ~HostBus() override;

  // Join first: what is published before is heard only as far as it is kept.
  void join(Calls calls) override;
  // False also: the parent is gone, or it is larger than publication_bytes_max with its names.
  bool publish(std::string_view tenant, std::string_view channel, std::string_view body,
               const std::optional<BusKeeps>& keeps) override;
  static constexpr std::size_t publication_bytes_max = envelope_bytes_max - 4096;

  // To a worker that is not there: the descriptor is closed. False: that is done here, since too
  // much waits. To oneself is allowed.
  bool hand_over(std::size_t worker, std::string_view bytes, net::Descriptor descriptor);
  // None: too much waits, or the parent did not answer in time. Never called within this call.
  void ask(std::string_view text, std::function<void(std::optional<std::string_view>)> answered);

 private:
  struct Asked {
    std::function<void(std::optional<std::string_view>)> answered;
    net::Loop::TimerId timer = 0;
  };
  void received(const Envelope& envelope, net::Descriptor descriptor);
  void heard(const Envelope& envelope);
  void ordered(const Envelope& envelope);
  void answered(std::uint64_t number, std::optional<std::string_view> text);
  void ended();
  bool send(const Envelope& envelope, net::Descriptor descriptor = {});

  net::Loop& loop_;
  const HostCalls host_calls_;
  const HostBusLimits limits_;
  Calls calls_;
  bool has_joined_ = false, reaches_ = false, is_parent_gone_ = false;
  std::map<std::uint64_t, Asked> asked_;
  std::uint64_t last_asked_ = 0;
  Link link_;
  std::shared_ptr<HostBus*> self_;  // what answers hold weakly
};

}  // namespace utakata::realtime
