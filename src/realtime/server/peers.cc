#include "realtime/server/peers.h"

#include <fmt/format.h>

#include "net/secret.h"

namespace utakata::realtime {
namespace {

// Sorts by the time of the start.
std::string new_id() {
  return fmt::format("{:013}-{}", net::SystemClock().wall().time_since_epoch() / 1ms,
                     net::random_token(12));
}

}  // namespace

Peers::Peers(net::Loop& loop, Bus& bus, Apps& apps)
    : loop_(loop),
      bus_(bus),
      apps_(apps),
      roster_({.id = new_id()}, *this,
              [this](const std::string& body) { return bus_.publish({}, {}, body, std::nullopt); }),
      tick_(loop.every(20ms, [this] {
        roster_.tick(loop_.turn_time());
        if (roster_.others() > 0) others_at_ = loop_.turn_time();
      })) {
  apps_.each([this](const std::string& id, App& app) { meets(id, app); });
  bus_.join({.heard = [this](const BusWord& word) { heard(word); },
             .reaches =
                 [this](bool is_reaching) {
                   is_reaching_ = is_reaching;
                   roster_.reaches(is_reaching, loop_.turn_time());
                   apps_.each([&](const std::string&, App& app) { app.reaches(is_reaching); });
                 }});
}

Peers::~Peers() { loop_.cancel(tick_); }

void Peers::say() { roster_.tick(loop_.turn_time()); }

void Peers::meets(const std::string& id, App& app) {
  app.join(
      {.publish =
           [this, id](std::string_view channel, const std::string& body,
                      const std::optional<BusKeeps>& keeps) {
             return bus_.publish(id, channel, body, keeps);
           },
       .is_keeper = [this, id](std::string_view channel) { return roster_.is_keeper(id, channel); },
       .has_others = [this] { return has_others(); }});
  app.reaches(is_reaching_);
  app.channels().on_local_change(
      [this, id](const Channels::LocalChange& change) { roster_.changed(id, change); });
  app.channels().sync().join(
      {.precedes = [this](Process one,
                          Process other) { return roster_.id_of(one) < roster_.id_of(other); },
       .say = [this, id](const std::string& channel, const std::string& key,
                         const std::string* value) { roster_.put(id, channel, key, value); }});
}

// Who has said goodbye may be there still, and have seats of those who went.
bool Peers::has_others() const {
  return others_at_ && loop_.turn_time() - *others_at_ < RecoveryLimits{}.away;
}

void Peers::heard(const BusWord& word) {
  if (word.channel.empty()) return roster_.hears(word.body, loop_.turn_time());
  if (App* const app = apps_.by_id(word.tenant)) app->hears(word);
}

void Peers::reads(Process process, std::string_view tenant, std::string_view channel,
                  std::size_t readers) {
  if (App* const app = apps_.by_id(tenant))
    app->hears_elsewhere(app->channels().reads_elsewhere(process, channel, readers), true);
}

void Peers::joins(Process process, std::string_view tenant, std::string_view channel,
                  const Member& member) {
  if (App* const app = apps_.by_id(tenant))
    app->hears_elsewhere(app->channels().joins_elsewhere(process, channel, member), false);
}

void Peers::leaves(Process process, std::string_view tenant, std::string_view channel,
                   const std::string& user) {
  if (App* const app = apps_.by_id(tenant))
    app->hears_elsewhere(app->channels().leaves_elsewhere(process, channel, user), false);
}

void Peers::puts(Process process, std::string_view tenant, std::string_view channel,
                 std::string_view key, std::string_view value) {
  if (App* const app = apps_.by_id(tenant))
    app->channels().sync().put_elsewhere(process, channel, key, value);
}

void Peers::removes(Process process, std::string_view tenant, std::string_view channel,
                    std::string_view key) {
  if (App* const app = apps_.by_id(tenant))
    app->channels().sync().remove_elsewhere(process, channel, key);
}

void Peers::forget(Process process) {
  apps_.each([&](const std::string&, App& app) {
    for (const Channels::Changed& changed : app.channels().forget(process))
      app.hears_elsewhere(changed, true);
  });
}

void Peers::each_of(Process process, const Take& take) const {
  apps_.each([&](const std::string& id, App& app) {
    app.channels().each_elsewhere(
        process, [&](const std::string& channel, std::size_t readers,
                     const std::vector<std::string>& users) { take(id, channel, readers, users); });
  });
}

void Peers::each_own(const TakeOwn& take) const {
  apps_.each([&](const std::string& id, App& app) {
    app.channels().each_local(
        [&](const std::string& channel, std::size_t readers, const std::vector<Member>& members) {
          take(id, channel, readers, members);
        });
  });
}

void Peers::each_state_of(Process process, const TakeState& take) const {
  apps_.each([&](const std::string& id, App& app) {
    app.channels().sync().each_elsewhere(
        process,
        [&](const std::string& channel, const std::string& key) { take(id, channel, key, {}); });
  });
}

void Peers::each_own_state(const TakeState& take) const {
  apps_.each([&](const std::string& id, App& app) {
    app.channels().sync().each_own(
        [&](const std::string& channel, const std::string& key, const std::string& value) {
          take(id, channel, key, value);
        });
  });
}

}  // namespace utakata::realtime
