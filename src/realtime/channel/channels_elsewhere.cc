// What Channels knows of other processes, and what it tells of this one.
#include <algorithm>
#include <utility>

#include "realtime/channel/channel.h"
#include "realtime/channel/channels.h"

namespace utakata::realtime {

void Channels::on_local_change(std::function<void(const LocalChange&)> tell) {
  on_local_change_ = std::move(tell);
}

void Channels::tell_local(const Channel& channel, std::optional<Member> came,
                          std::optional<std::string> gone) const {
  if (!on_local_change_) return;
  // What others know of the user is what is shown of it here.
  if (came) came->info = channel.present.at(came->user).info;
  on_local_change_({.channel = channel.name,
                    .readers = channel.local_readers_count(),
                    .came = std::move(came),
                    .gone = std::move(gone)});
}

void Channels::each_local(const std::function<void(const std::string&, std::size_t,
                                                   const std::vector<Member>&)>& take) const {
  std::vector<Member> members;
  for (const auto& [name, channel] : channels_) {
    const std::size_t readers = channel->local_readers_count();
    if (readers == 0) continue;
    members.clear();
    for (const auto& [user, present] : channel->present)
      if (present.is_here()) members.push_back({user, present.info});
    take(name, readers, members);
  }
}

bool Channels::may_take_more(Process process) const {
  const auto known = elsewhere_.find(process);
  return known == elsewhere_.end() || known->second.entries < limits_.of_another_process;
}

// What the process has of a channel, to be changed and settled; there from now on.
Channels::Part& Channels::part_of(Process process, Channel& channel) {
  if (Part* const known = channel.of(process)) return *known;
  Share& share = elsewhere_[process];
  share.channels.insert(&channel);
  ++share.entries;
  if (!channel.elsewhere) channel.elsewhere = std::make_unique<Channel::Elsewhere>();
  return channel.elsewhere->processes.emplace_back(Part{.process = process});
}

void Channels::settle(Process process, Channel& channel) {
  const Part* const part = channel.of(process);
  if (part && part->readers == 0 && part->members == 0) {
    auto& processes = channel.elsewhere->processes;
    processes.erase(processes.begin() + (part - processes.data()));
    if (processes.empty()) channel.elsewhere = nullptr;
    const auto share = elsewhere_.find(process);
    share->second.channels.erase(&channel);
    --share->second.entries;
    if (share->second.channels.empty()) elsewhere_.erase(share);
  }
  close_if_over(channel);
}

Channels::Changed Channels::reads_elsewhere(Process process, std::string_view name,
                                            std::size_t readers) {
  const Channel* const known = find(name);
  const bool was_vacant = !known || known->is_vacant();
  Changed changed{.channel = std::string(name), .was_vacant = was_vacant, .is_vacant = was_vacant};
  const bool has_part = known && known->of(process);
  if (!has_part && (readers == 0 || !may_take_more(process))) return changed;
  Channel& channel = open(name);
  Part& part = part_of(process, channel);
  channel.elsewhere->readers -= part.readers;
  part.readers = std::uint32_t(std::min<std::size_t>(readers, UINT32_MAX));
  channel.elsewhere->readers += part.readers;
  changed.is_vacant = channel.is_vacant();
  settle(process, channel);
  return changed;
}

Channels::Changed Channels::joins_elsewhere(Process process, std::string_view name,
                                            const Member& member) {
  const Channel* const known = find(name);
  const bool is_vacant = !known || known->is_vacant();
  Changed changed{.channel = std::string(name), .was_vacant = is_vacant, .is_vacant = is_vacant};
  if (channel_kind(name).access != ChannelAccess::presence || !may_take_more(process))
    return changed;
  Channel& channel = open(name);
  const auto [user, is_new] = channel.present.try_emplace(member.user);
  Channel::Present& present = user->second;
  if (is_new) present.info = member.info;
  if (!present.is_in(process)) {
    if (!present.elsewhere) present.elsewhere = std::make_unique<std::vector<Process>>();
    present.elsewhere->push_back(process);
    ++part_of(process, channel).members;
    ++elsewhere_.at(process).entries;
  }
  if (is_new) changed.came = member;
  settle(process, channel);
  return changed;
}

Channels::Changed Channels::leaves_elsewhere(Process process, std::string_view name,
                                             const std::string& user) {
  Channel* const channel = find(name);
  const bool is_vacant = !channel || channel->is_vacant();
  Changed changed{.channel = std::string(name), .was_vacant = is_vacant, .is_vacant = is_vacant};
  if (!channel) return changed;
  const auto known = channel->present.find(user);
  if (known == channel->present.end() || !known->second.is_in(process)) return changed;
  auto& elsewhere = known->second.elsewhere;
  std::erase(*elsewhere, process);
  if (elsewhere->empty()) elsewhere = nullptr;
  --channel->of(process)->members;
  --elsewhere_.at(process).entries;
  changed.gone = channel->take_if_gone(known);
  settle(process, *channel);
  return changed;
}

void Channels::each_elsewhere(
    Process process,
    const std::function<void(const std::string&, std::size_t, const std::vector<std::string>&)>&
        take) const {
  const auto share = elsewhere_.find(process);
  if (share == elsewhere_.end()) return;
  std::vector<std::string> users;
  for (const Channel* const channel : share->second.channels) {
    users.clear();
    const Part& part = *channel->of(process);
    if (part.members > 0)
      for (const auto& [user, present] : channel->present)
        if (present.is_in(process)) users.push_back(user);
    take(channel->name, part.readers, users);
  }
}

std::vector<Channels::Changed> Channels::forget(Process process) {
  sync_.forget(process);
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  each_elsewhere(process, [&](const std::string& channel, std::size_t, const auto& users) {
    all.emplace_back(channel, users);
  });
  std::vector<Changed> changed;
  for (const auto& [channel, users] : all) {
    for (const std::string& user : users)
      changed.push_back(leaves_elsewhere(process, channel, user));
    changed.push_back(reads_elsewhere(process, channel, 0));
  }
  return changed;
}

}  // namespace utakata::realtime
