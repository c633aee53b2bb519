// The other processes of this server's cluster: what is published there is heard here, and who is
// there is counted here. Loop thread only.
#pragma once

#include <optional>
#include <string>

#include "net/loop.h"
#include "realtime/bus/bus.h"
#include "realtime/roster/roster.h"
#include "realtime/server/apps.h"

namespace utakata::realtime {

class Peers final : public RosterShares {
 public:
  // All outlive it. It joins the bus at once.
  Peers(net::Loop& loop, Bus& bus, Apps& apps);
  ~Peers() override;

  void meets(const std::string& id,
             App& app);  // a tenant that is new here; before its first client
  void tenants_changed() { roster_.tenants_changed(); }
  void say();                    // what waits to be said: now, and not at the next tick
  void bye() { roster_.bye(); }  // nobody is here any more
  bool is_reaching() const { return is_reaching_; }
  std::size_t others() const { return roster_.others(); }

 private:
  void reads(Process process, std::string_view tenant, std::string_view channel,
             std::size_t readers) override;
  void joins(Process process, std::string_view tenant, std::string_view channel,
             const Member& member) override;
  void leaves(Process process, std::string_view tenant, std::string_view channel,
              const std::string& user) override;
  void puts(Process process, std::string_view tenant, std::string_view channel,
            std::string_view key, std::string_view value) override;
  void removes(Process process, std::string_view tenant, std::string_view channel,
               std::string_view key) override;
  void forget(Process process) override;
  void each_of(Process process, const Take& take) const override;
  void each_own(const TakeOwn& take) const override;
  void each_state_of(Process process, const TakeState& take) const override;
  void each_own_state(const TakeState& take) const override;
  void heard(const BusWord& word);
  bool has_others() const;  // now or lately

  net::Loop& loop_;
  Bus& bus_;
  Apps& apps_;
  Roster roster_;
  bool is_reaching_ = false;
  std::optional<Instant> others_at_{};  // when there was another
  net::Loop::TimerId tick_ = 0;
};

}  // namespace utakata::realtime
