// For tests: several processes, each a Roster with the Channels of two tenants and clients that
// believe what they are told, and a bus between them that loses words.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/sync_for_tests.h"
#include "realtime/roster/roster.h"

namespace utakata::realtime {

inline const std::array<std::string, 2> simulated_tenants{"1", "2"};
inline const std::array<std::string, 3> simulated_channels{"news", "presence-a", "presence-b"};
inline const std::string simulated_sync_channel = "sync-a";

// The Channels of one process, and what its clients believe.
class SimulatedShares final : public RosterShares {
 public:
  SimulatedShares() {
    for (const std::string& tenant : simulated_tenants)
      all_[tenant] = std::make_unique<Channels>(ChannelLimits{.members = 1'000},
                                                [] { return std::string("e"); });
  }
  Channels& of(std::string_view tenant) { return *all_.find(tenant)->second; }
  const Channels& of(std::string_view tenant) const { return *all_.find(tenant)->second; }

  void comes(const std::string& tenant, const std::string& channel, ClientSlot client,
             const std::string& user, Instant now) {
    const Member member{user, "{\"is\":\"" + user + "\"}"};
    const auto came = of(tenant).subscribe(client, channel, member, std::nullopt, now);
    if (!came) return;
    if (channel == simulated_sync_channel)
      hear_sync(of(tenant).sync().whole(channel), beliefs_[tenant][client] = {});
    if (came->is_new_member) tell(tenant, channel, member, {});
    auto& list = lists_[{tenant, channel}][client];
    for (const Member& one : came->members) list[one.user] = one.info;
  }
  void leaves(const std::string& tenant, ClientSlot client, Instant now) {
    for (const auto& left : of(tenant).leave(client, now)) {
      lists_[{tenant, left.channel}].erase(client);
      if (left.channel == simulated_sync_channel) beliefs_[tenant].erase(client);
      tell(tenant, left.channel, {}, left.gone);
    }
  }
  // False: it was refused. Null takes it away.
  bool client_puts(const std::string& tenant, ClientSlot client, const std::string& key,
                   const std::string& value) {
    if (!of(tenant).reads(client, simulated_sync_channel)) return false;
    return of(tenant).sync().put(simulated_sync_channel, {{key, value}}, client).has_value();
  }
  void tick(Instant now) {
    for (const std::string& tenant : simulated_tenants)
      of(tenant).sync().tick(
          now, 50,
          {.has_readers = [&](const std::string&) { return !beliefs_[tenant].empty(); },
           .say =
               [&](const std::string&, const std::string& changed) {
                 for (auto& [client, belief] : beliefs_[tenant]) hear_sync(changed, belief);
               }});
  }
  // Nothing: each client believes what a newcomer would be told.
  std::string wrong_beliefs() const {
    for (const auto& [where, lists] : lists_)
      for (const auto& [client, list] : lists) {
        List now;
        for (const Member& member : of(where.first).members(where.second))
          now[member.user] = member.info;
        if (list != now) return fmt::format("{} of {}", client, where.second);
      }
    for (const auto& [tenant, beliefs] : beliefs_)
      for (const auto& [client, belief] : beliefs)
        if (belief != states(tenant)) return fmt::format("{} of its sync channel", client);
    return {};
  }
  SyncBelief states(const std::string& tenant) const {
    SyncBelief all;
    hear_sync(of(tenant).sync().whole(simulated_sync_channel), all);
    return all;
  }
  // What this process shows: every channel with its readers and users.
  std::string shown() const {
    std::string text;
    for (const std::string& tenant : simulated_tenants)
      for (const std::string& channel : simulated_channels) {
        text += fmt::format("{}/{}={}", tenant, channel, of(tenant).readers_count(channel));
        for (const Member& member : of(tenant).members(channel)) text += " " + member.user;
        text += "\n";
      }
    return text;
  }
  bool has_told_twice = false;  // of who is there already, or was not there

  void reads(Process process, std::string_view tenant, std::string_view channel,
             std::size_t readers) override {
    heard(tenant, of(tenant).reads_elsewhere(process, channel, readers));
  }
  void joins(Process process, std::string_view tenant, std::string_view channel,
             const Member& member) override {
    heard(tenant, of(tenant).joins_elsewhere(process, channel, member));
  }
  void leaves(Process process, std::string_view tenant, std::string_view channel,
              const std::string& user) override {
    heard(tenant, of(tenant).leaves_elsewhere(process, channel, user));
  }
  void puts(Process process, std::string_view tenant, std::string_view channel,
            std::string_view key, std::string_view value) override {
    of(tenant).sync().put_elsewhere(process, channel, key, value);
  }
  void removes(Process process, std::string_view tenant, std::string_view channel,
               std::string_view key) override {
    of(tenant).sync().remove_elsewhere(process, channel, key);
  }
  void forget(Process process) override {
    for (auto& [tenant, channels] : all_)
      for (const auto& changed : channels->forget(process)) heard(tenant, changed);
  }
  void each_of(Process process, const Take& take) const override {
    for (const auto& [tenant, channels] : all_)
      channels->each_elsewhere(
          process, [&](const std::string& channel, std::size_t readers, const auto& users) {
            take(tenant, channel, readers, users);
          });
  }
  void each_own(const TakeOwn& take) const override {
    for (const auto& [tenant, channels] : all_)
      channels->each_local([&](const std::string& channel, std::size_t readers,
                               const auto& members) { take(tenant, channel, readers, members); });
  }
  void each_state_of(Process process, const TakeState& take) const override {
    for (const auto& [tenant, channels] : all_)
      channels->sync().each_elsewhere(process,
                                      [&](const std::string& channel, const std::string& key) {
                                        take(tenant, channel, key, {});
                                      });
  }
  void each_own_state(const TakeState& take) const override {
    for (const auto& [tenant, channels] : all_)
      channels->sync().each_own(
          [&](const std::string& channel, const std::string& key, const std::string& value) {
            take(tenant, channel, key, value);
          });
  }
  std::function<void(const std::string& what)> on_news = [](const std::string&) {};

 private:
  using List = std::map<std::string, std::string>;  // users, with what is said of them
  void heard(std::string_view tenant, const Channels::Changed& changed) {
    tell(std::string(tenant), changed.channel, changed.came, changed.gone);
    if (changed.was_vacant != changed.is_vacant)
      on_news(fmt::format("{}/{} {}", tenant, changed.channel,
                          changed.is_vacant ? "vacated" : "occupied"));
  }
  void tell(const std::string& tenant, const std::string& channel,
            const std::optional<Member>& came, const std::optional<Member>& gone) {
    for (auto& [client, list] : lists_[{tenant, channel}]) {
      if (came && !list.emplace(came->user, came->info).second) has_told_twice = true;
      if (gone && list.erase(gone->user) == 0) has_told_twice = true;
    }
  }
  std::map<std::string, std::unique_ptr<Channels>, std::less<>> all_;
  std::map<std::pair<std::string, std::string>, std::map<ClientSlot, List>> lists_;
  std::map<std::string, std::map<ClientSlot, SyncBelief>> beliefs_;  // of readers, by tenant
};

struct SimulatedProcess {
  std::string id;
  SimulatedShares shares;
  std::unique_ptr<Roster> roster;
  std::deque<std::string> inbox, held;  // held: said while it knew that it was cut off
  bool is_cut = false;                  // and does not know
  bool is_cut_off = false;              // and was told so
  int stands_still = 0, is_deaf = 0;    // for so many ticks
  int loses = 0;                        // so many of the next words
};

class SimulatedCluster {
 public:
  static constexpr Duration tick{20ms};
  std::vector<std::unique_ptr<SimulatedProcess>> processes;
  Instant now{1h};
  std::size_t bytes_max = 0;  // of the largest body

  SimulatedProcess& starts(std::size_t others_max = 100) {
    auto& process = *processes.emplace_back(std::make_unique<SimulatedProcess>());
    process.id = fmt::format("p{}", ++last_id_);
    process.roster = std::make_unique<Roster>(
        RosterSpec{.id = process.id, .others_max = others_max}, process.shares,
        [this, &process](const std::string& body) { return publish(process, body); });
    for (const std::string& tenant : simulated_tenants) {
      process.shares.of(tenant).on_local_change(
          [&process, tenant](const auto& change) { process.roster->changed(tenant, change); });
      process.shares.of(tenant).sync().join(
          {.precedes =
               [&process](Process one, Process other) {
                 return process.roster->id_of(one) < process.roster->id_of(other);
               },
           .say =
               [&process, tenant](const std::string& channel, const std::string& key,
                                  const std::string* value) {
                 process.roster->put(tenant, channel, key, value);
               }});
    }
    process.roster->reaches(true, now);
    return process;
  }
  void dies(std::size_t i) { processes.erase(processes.begin() + std::ptrdiff_t(i)); }
  void cut_off(SimulatedProcess& process, bool is_cut_off) {
    if (process.is_cut_off == is_cut_off) return;
    process.is_cut_off = is_cut_off;
    if (!is_cut_off)
      for (const std::string& body : std::exchange(process.held, {})) publish(process, body);
    process.roster->reaches(!is_cut_off, now);
  }
  void runs_for(Duration time) {
    for (const Instant end = now + time; now < end;) {
      now += tick;
      for (auto& each : processes) steps(*each);
    }
  }
  void all_is_well() {
    for (auto& each : processes) {
      cut_off(*each, false);
      each->is_cut = false;
      each->stands_still = each->is_deaf = each->loses = 0;
    }
  }
  // Empty: all show what clients have told, their clients know it, and each channel has one keeper.
  std::string fault() const {
    const std::string want = truth();
    for (const auto& each : processes) {
      if (const std::string shown = each->shares.shown(); shown != want)
        return fmt::format("{} shows\n{}and there is\n{}", each->id, shown, want);
      if (each->shares.has_told_twice) return each->id + " has told its clients nonsense";
      if (const std::string who = each->shares.wrong_beliefs(); !who.empty())
        return fmt::format("{}: wrongly informed is {}", each->id, who);
      if (each->roster->others() + 1 != processes.size())
        return fmt::format("{} knows {} others", each->id, each->roster->others());
    }
    if (const std::string wrong = states_fault(); !wrong.empty()) return wrong;
    for (const std::string& channel : simulated_channels)
      if (keepers(channel) != std::min<std::size_t>(1, processes.size()))
        return fmt::format("{} keepers of {}", keepers(channel), channel);
    return {};
  }
  std::size_t keepers(const std::string& channel) const {
    return std::size_t(std::ranges::count_if(
        processes, [&](const auto& each) { return each->roster->is_keeper("1", channel); }));
  }

 private:
  void steps(SimulatedProcess& process) {
    if (process.stands_still > 0) return void(--process.stands_still);
    if (process.is_deaf > 0)
      --process.is_deaf;
    else
      for (const std::string& body : std::exchange(process.inbox, {}))
        process.roster->hears(body, now);
    process.shares.tick(now);
    process.roster->tick(now);
  }
  bool publish(SimulatedProcess& from, const std::string& body) {
    bytes_max = std::max(bytes_max, body.size());
    if (from.is_cut_off) {
      if (from.held.size() >= 3) return false;
      from.held.push_back(body);
      return true;
    }
    if (from.is_cut) return true;
    for (auto& to : processes) {
      if (to->is_cut || to->is_cut_off) continue;
      if (to->loses > 0)
        --to->loses;
      else
        to->inbox.push_back(body);
    }
    return true;
  }
  std::string states_fault() const {
    std::map<std::string, SyncBelief> truth;
    std::string wrong;
    for (const auto& each : processes)
      each->shares.each_own_state([&](std::string_view tenant, const std::string&,
                                      const std::string& key, std::string_view value) {
        if (!truth[std::string(tenant)].emplace(key, value).second) wrong = key + " is of two";
      });
    for (const auto& each : processes)
      for (const std::string& tenant : simulated_tenants)
        if (each->shares.states(tenant) != truth[tenant])
          wrong = fmt::format("{} has other states", each->id);
    return wrong;
  }
  std::string truth() const {
    std::string text;
    for (const std::string& tenant : simulated_tenants)
      for (const std::string& channel : simulated_channels) {
        std::size_t readers = 0;
        std::set<std::string> users;
        for (const auto& each : processes)
          each->shares.of(tenant).each_local(
              [&](const std::string& name, std::size_t count, const auto& members) {
                if (name != channel) return;
                readers += count;
                for (const Member& member : members) users.insert(member.user);
              });
        text += fmt::format("{}/{}={}", tenant, channel, readers);
        for (const std::string& user : users) text += " " + user;
        text += "\n";
      }
    return text;
  }
  int last_id_ = 0;
};

}  // namespace utakata::realtime
