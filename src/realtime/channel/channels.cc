#include "realtime/channel/channels.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "realtime/channel/channel.h"

namespace utakata::realtime {
namespace {

using Shared = SharedSlots;

// To be changed: a copy where somebody holds it.
std::vector<ClientSlot>& own(Shared& list) {
  if (!list)
    list = std::make_shared<std::vector<ClientSlot>>();
  else if (list.use_count() > 1)
    list = std::make_shared<std::vector<ClientSlot>>(*list);
  return *list;
}

void put(Shared& list, ClientSlot client) {
  std::vector<ClientSlot>& sorted = own(list);
  if (sorted.empty() || sorted.back() < client) return sorted.push_back(client);
  sorted.insert(std::ranges::lower_bound(sorted, client), client);
}

void take_out(Shared& list, ClientSlot client) {
  std::vector<ClientSlot>& sorted = own(list);
  const auto known = std::ranges::lower_bound(sorted, client);
  if (known != sorted.end() && *known == client) sorted.erase(known);
}

}  // namespace

Channels::Channels(ChannelLimits limits, std::function<std::string()> random)
    : limits_(limits), random_(std::move(random)), sync_(limits.sync) {}
Channels::~Channels() = default;

void Channels::limit(const ChannelLimits& limits) {
  limits_ = limits;
  sync_.limit(limits.sync);
}

void Channels::speaks(ClientSlot client, Dialect dialect) {
  if (client >= clients_.size()) clients_.resize(client + 1);
  clients_[client].dialect = dialect;
}

Channels::Channel* Channels::find(std::string_view name) const {
  if (found_ && found_->name == name) return found_;
  const auto known = channels_.find(name);
  return known == channels_.end() ? nullptr : found_ = known->second.get();
}

Channels::Channel& Channels::open(std::string_view name) {
  if (Channel* const known = find(name)) {
    kept_.erase({known->used, known->name});
    return *known;
  }
  auto& channel = channels_[std::string(name)];
  channel = std::make_unique<Channel>();
  channel->name = name;
  channel->kind = channel_kind(name);
  if (limits_.has_timelines)
    channel->timeline = std::make_unique<Timeline>(limits_.timeline, random_(), forgotten_);
  return *channel;
}

// Nobody may read it now: it is kept for what it holds, the latest of all.
void Channels::close_if_over(Channel& channel) {
  if (!channel.is_over()) return;
  if (!channel.keeps_anything()) return erase(channel.name);
  kept_[{channel.used, channel.name}] = &channel;
  if (kept_.size() <= limits_.kept_channels) return;
  const auto oldest = kept_.begin();
  const std::string name = oldest->first.second;
  kept_.erase(oldest);
  erase(name);
}

void Channels::erase(const std::string& name) {
  const auto known = channels_.find(name);
  const Channel& channel = *known->second;
  if (channel.timeline) forgotten_ = std::max(forgotten_, channel.timeline->newest_for({}));
  if (&channel == found_) found_ = nullptr;
  channels_.erase(known);
}

Expected<Channels::Subscribed> Channels::subscribe(ClientSlot client, std::string_view name,
                                                   const std::optional<Member>& member,
                                                   const std::optional<Position>& since,
                                                   Instant now) {
  if (client >= clients_.size()) clients_.resize(client + 1);
  Client& who = clients_[client];
  if (who.channels.size() >= limits_.channels_of_client)
    return problem(Problem::Kind::refused, fmt::format("A client may read {} channels at most.",
                                                       limits_.channels_of_client));
  if (reads(client, name))
    return problem(Problem::Kind::conflict,
                   fmt::format("Existing subscription to channel {}", name));
  const bool is_presence = channel_kind(name).access == ChannelAccess::presence;
  if (is_presence && !member)
    return problem(Problem::Kind::invalid,
                   fmt::format("Channel {} wants to know who comes.", name));
  if (const Channel* const known = find(name); is_presence && known &&
                                               known->present.size() >= limits_.members &&
                                               !known->present.contains(member->user))
    return problem(
        Problem::Kind::refused,
        fmt::format("Channel {} has {} members, more may not be.", name, limits_.members));
  Channel& channel = open(name);
  channel.expire(limits_, now);
  channel.used = now;
  Subscribed subscribed{.was_vacant = channel.is_vacant(), .cached = channel.last};
  put(channel.readers_in(who.dialect), client);
  who.channels.push_back(&channel);
  bool is_new_here = false;
  if (is_presence) {
    const auto [user, is_new] = channel.present.try_emplace(member->user);
    if (is_new) user->second.info = member->info;
    is_new_here = !user->second.is_here();
    put(user->second.clients, client);
    subscribed.is_new_member = is_new;
    subscribed.members = members(name);
  }
  if (channel.timeline) {
    subscribed.position = channel.timeline->end();
    if (since) subscribed.missed = channel.timeline->since(*since);
  }
  tell_local(channel, is_new_here ? member : std::nullopt, std::nullopt);
  return subscribed;
}

Channels::Left Channels::part(ClientSlot client, Dialect dialect, Channel& channel, Instant now) {
  take_out(channel.readers_in(dialect), client);
  if (channel.kind.is_sync) sync_.leaves(client, channel.name);
  channel.used = now;
  Left left{.channel = channel.name, .is_vacant = channel.is_vacant()};
  std::optional<std::string> gone_here;
  if (const auto* const user = channel.user_of(client)) {
    auto present = channel.present.find(user->first);
    take_out(present->second.clients, client);
    if (!present->second.is_here()) {
      gone_here = present->first;
      present->second.clients = nullptr;
      left.gone = channel.take_if_gone(present);
    }
  }
  tell_local(channel, std::nullopt, std::move(gone_here));
  close_if_over(channel);
  return left;
}

std::optional<Channels::Left> Channels::unsubscribe(ClientSlot client, std::string_view name,
                                                    Instant now) {
  Channel* const channel = find(name);
  if (!channel || client >= clients_.size()) return std::nullopt;
  auto& of = clients_[client].channels;
  const auto known = std::ranges::find(of, channel);
  if (known == of.end()) return std::nullopt;
  of.erase(known);
  return part(client, clients_[client].dialect, *channel, now);
}

std::vector<Channels::Left> Channels::leave(ClientSlot client, Instant now) {
  std::vector<Left> left;
  if (client >= clients_.size()) return left;
  sign_out(client);
  const Client gone = std::exchange(clients_[client], {});
  for (Channel* const channel : gone.channels)
    left.push_back(part(client, gone.dialect, *channel, now));
  return left;
}

bool Channels::keeps(std::string_view name) const {
  if (const Channel* const known = find(name)) return known->timeline || known->kind.is_cache;
  return limits_.has_timelines || channel_kind(name).is_cache;
}

Position Channels::publish(std::string_view name, MessagePtr message, Instant now) {
  Channel* const known = find(name);
  if (!known && !keeps(name)) return {};
  Channel& channel = known && !known->is_over() ? *known : open(name);
  channel.used = now;
  if (channel.kind.is_cache) channel.last = message, channel.last_at = now;
  Position position;
  if (channel.timeline) {
    channel.timeline->append(std::move(message), now, ++came_);
    position = channel.timeline->end();
  }
  close_if_over(channel);
  return position;
}

bool Channels::place(std::string_view name, MessagePtr message, const Position& position,
                     Instant now) {
  const bool is_kept = limits_.has_timelines || channel_kind(name).is_cache;
  if (!is_kept && !find(name)) return true;
  Channel& channel = open(name);
  channel.used = now;
  const bool is_new =
      !channel.timeline || channel.timeline->place(message, position, now, came_ + 1);
  if (channel.timeline) came_ += is_new;
  if (is_new && channel.kind.is_cache) channel.last = std::move(message), channel.last_at = now;
  close_if_over(channel);
  return is_new;
}

Readers Channels::readers(std::string_view name, Dialect dialect) const {
  const Channel* const channel = find(name);
  return channel ? Readers(channel->readers_in(dialect)) : nullptr;
}

std::size_t Channels::readers_count(std::string_view name) const {
  const Channel* const channel = find(name);
  return channel ? channel->readers_count() : 0;
}

std::size_t Channels::local_readers_count(std::string_view name) const {
  const Channel* const channel = find(name);
  return channel ? channel->local_readers_count() : 0;
}

bool Channels::reads(ClientSlot client, std::string_view name) const {
  const Channel* const channel = find(name);
  return channel && client < clients_.size() &&
         holds(channel->readers_in(clients_[client].dialect), client);
}

std::optional<Member> Channels::member_of(ClientSlot client, std::string_view name) const {
  const Channel* const channel = find(name);
  const auto* const user = channel ? channel->user_of(client) : nullptr;
  return user ? std::optional(Member{user->first, user->second.info}) : std::nullopt;
}

std::vector<Member> Channels::members(std::string_view name) const {
  std::vector<Member> all;
  if (const Channel* const channel = find(name))
    for (const auto& [user, present] : channel->present) all.push_back({user, present.info});
  return all;
}

const Timeline* Channels::timeline(std::string_view name) const {
  const Channel* const channel = find(name);
  return channel ? channel->timeline.get() : nullptr;
}

std::optional<std::vector<Timeline::Entry>> Channels::came_after(std::string_view channel,
                                                                 std::uint64_t came,
                                                                 std::string_view id) const {
  if (const Timeline* const known = timeline(channel)) return known->came_after(came, id);
  if (came < forgotten_) return std::nullopt;
  return std::vector<Timeline::Entry>();
}

MessagePtr Channels::cached(std::string_view name, Instant now) const {
  const Channel* const channel = find(name);
  return channel && now - channel->last_at < limits_.cached_for ? channel->last : nullptr;
}

Expected<Page> Channels::page(std::string_view name, const PageAsked& asked, Instant now) const {
  if (!limits_.has_timelines)
    return problem(Problem::Kind::invalid, "This app keeps no timelines.");
  const Channel* const channel = find(name);
  if (!channel || !channel->timeline) return Page{};
  channel->timeline->expire(now);
  return page_of(*channel->timeline, asked);
}

std::size_t Channels::channels_of(ClientSlot client) const {
  return client < clients_.size() ? clients_[client].channels.size() : 0;
}

void Channels::each_occupied(
    const std::function<void(const std::string&, std::size_t)>& take) const {
  for (const auto& [name, channel] : channels_)
    if (!channel->is_vacant()) take(name, channel->readers_count());
}

void Channels::sign_in(ClientSlot client, const std::string& user) {
  if (client >= clients_.size()) clients_.resize(client + 1);
  if (clients_[client].user == user) return;
  sign_out(client);
  clients_[client].user = user;
  put(users_[user][std::size_t(clients_[client].dialect)], client);
}

void Channels::sign_out(ClientSlot client) {
  if (client >= clients_.size()) return;
  const auto known = users_.find(std::exchange(clients_[client].user, {}));
  if (known == users_.end()) return;
  Shared& list = known->second[std::size_t(clients_[client].dialect)];
  take_out(list, client);
  if (list->empty()) list = nullptr;
  if (std::ranges::none_of(known->second, [](const Shared& each) { return bool(each); }))
    users_.erase(known);
}

Readers Channels::clients_of(const std::string& user, Dialect dialect) const {
  const auto known = users_.find(user);
  return known == users_.end() ? nullptr : Readers(known->second[std::size_t(dialect)]);
}

const std::string* Channels::user_of(ClientSlot client) const {
  return client < clients_.size() && !clients_[client].user.empty() ? &clients_[client].user
                                                                    : nullptr;
}

void Channels::expire(Instant now) {
  const Duration longest = std::max(limits_.cached_for, limits_.timeline.age);
  while (!kept_.empty() && now - kept_.begin()->first.first >= longest) {
    const std::string name = kept_.begin()->first.second;
    kept_.erase(kept_.begin());
    erase(name);
  }
}

}  // namespace utakata::realtime
