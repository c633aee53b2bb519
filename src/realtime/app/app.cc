#include "realtime/app/app.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "realtime/app/word.h"

namespace utakata::realtime {

App::App(TenantSpec tenant, SocketIoSpec spec, AppOuts outs, SocketIoIds ids,
         std::function<void(const News&)> on_news, std::function<Instant()> now)
    : channels_(tenant.channels, ids.secret),
      is_full_(std::move(outs.is_full)),
      on_news_(std::move(on_news)),
      now_(std::move(now)),
      pusher_(tenant, channels_, outs.pusher, hooks(Dialect::pusher)),
      socketio_(tenant, std::move(spec), channels_, outs.socketio, std::move(ids),
                hooks(Dialect::socketio)) {}

DialectHooks App::hooks(Dialect of) {
  return {.publish =
              [this](std::string_view channel, Message&& message, const Sender& sender) {
                return publish(channel, std::move(message), sender);
              },
          .news = [this, of](const News& news) { relay(of, news); },
          .wants_client_events = [this] { return tells_client_events_; },
          .terminate = [this](const std::string& user) { terminate(user); }};
}

void App::join(AppPeers peers) {
  peers_ = std::move(peers);
  if (!peers_.publish) return;
  socketio_.join({.tell =
                      [this](const std::string& body) {
                        return peers_.publish(seats_channel, body, std::nullopt);
                      },
                  .has_others = peers_.has_others});
}

void App::respec(TenantSpec tenant) {
  channels_.limit(tenant.channels);
  pusher_.respec(tenant);
  socketio_.respec(std::move(tenant));
}

void App::end_all(int code, const std::string& why) {
  pusher_.end_all(code, why);
  socketio_.end_all(why);
}

void App::expire(Instant now) {
  channels_.expire(now);
  socketio_.expire(now);
  for (const auto& [channel, is_due] : std::exchange(counts_, {}))
    if (is_due) tell_count(channel);
}

void App::tick(Instant now) {
  channels_.sync().tick(now, spec().sync_hz,
                        {.has_readers =
                             [this](const std::string& channel) {
                               return channels_.local_readers_count(channel) > 0;
                             },
                         .say =
                             [this](const std::string& channel, const std::string& changed) {
                               pusher_.hears_sync(channel, changed);
                               socketio_.hears_sync(channel, changed);
                             }});
}

std::optional<ClientSlot> App::client_of(std::string_view id) const {
  if (id.empty()) return std::nullopt;
  const auto client = pusher_.client_of(id);
  return client ? client : socketio_.client_of(id);
}

std::optional<BusKeeps> App::keeps(std::string_view channel) const {
  const ChannelLimits& limits = spec().channels;
  if (limits.has_timelines) return BusKeeps{limits.timeline.count, limits.timeline.age};
  if (channel_kind(channel).is_cache) return BusKeeps{1, limits.cached_for};
  return std::nullopt;
}

bool App::publish(std::string_view channel, Message&& message, const Sender& sender) {
  if (is_full_()) return false;
  if (!channel.starts_with(user_channel_prefix)) tell_node(channel, message, sender);
  if (!peers_.publish) {
    message.but = sender.id;
    arrive(channel, std::move(message), sender.client ? sender.client : client_of(sender.id),
           nullptr);
    return true;
  }
  const bool is_kept = message.attachments.empty() && !channel.starts_with(user_channel_prefix);
  const std::string id = sender.client && sender.id.empty() ? pusher_.socket_id_of(*sender.client)
                                                            : std::string(sender.id);
  return peers_.publish(channel, app_word_bytes({.message = std::move(message), .but = id}),
                        is_kept ? keeps(channel) : std::nullopt);
}

void App::terminate(const std::string& user) {
  if (!peers_.publish) return cut(user);
  peers_.publish(std::string(user_channel_prefix) + user,
                 app_word_bytes({.kind = AppWord::Kind::terminate}), std::nullopt);
}

void App::cut(const std::string& user) {
  pusher_.cut_user(user);
  socketio_.cut_user(user, now_());
}

void App::reaches(bool is_reaching) {
  is_reaching_ = is_reaching;
  if (!is_reaching) return;
  turns_.clear();
  last_turn_ = 0;
  std::ranges::stable_sort(waiting_, {}, &Waiting::turn);
  for (Waiting& each : std::exchange(waiting_, {})) {
    const Waiting one = std::move(each);  // so that not all is there twice
    take({.channel = one.channel, .body = one.body, .position = one.position});
  }
}

void App::hears(const BusWord& word) { is_reaching_ ? take(word) : wait_for_turn(word); }

// Never before what was told of its channel earlier; what is not kept, after all that was told.
void App::wait_for_turn(const BusWord& word) {
  std::uint64_t& turn = turns_[std::string(word.channel)];
  turn = word.serial > 0 ? std::max(turn, word.serial) : last_turn_;
  last_turn_ = std::max(last_turn_, turn);
  waiting_.push_back({turn, std::string(word.channel), std::string(word.body), word.position});
}

void App::take(const BusWord& word) {
  if (word.channel == seats_channel) return socketio_.hears_seat_word(word.body, now_());
  auto heard = app_word(word.body);
  if (!heard) return;
  heard->message.but = heard->but;
  if (heard->kind == AppWord::Kind::terminate) {
    if (word.channel.starts_with(user_channel_prefix))
      cut(std::string(word.channel.substr(user_channel_prefix.size())));
    return;
  }
  arrive(word.channel, std::move(heard->message), client_of(heard->but),
         word.position.epoch.empty() ? nullptr : &word.position);
}

void App::arrive(std::string_view channel, Message&& message, std::optional<ClientSlot> but,
                 const Position* given) {
  if (channel.starts_with(user_channel_prefix)) {
    const std::string user(channel.substr(user_channel_prefix.size()));
    pusher_.hears_as_user(user, message, but);
    return socketio_.hears_as_user(user, message, but);
  }
  if (!message.attachments.empty()) return socketio_.hears(channel, message, {}, but);
  MessagePtr kept;
  bool is_first = false;
  Position position;
  if (channels_.keeps(channel)) {
    kept = std::make_shared<const Message>(std::move(message));
    const Timeline* const timeline = channels_.timeline(channel);
    is_first = given && timeline && timeline->end().epoch != given->epoch;
    if (!given)
      position = channels_.publish(channel, kept, now_());
    else if (!channels_.place(channel, kept, *given, now_()))
      return;
    else if (channels_.timeline(channel))
      position = *given;
  }
  const Message& said = kept ? *kept : message;
  pusher_.hears(channel, said, position, but, is_first);
  socketio_.hears(channel, said, position, but);
}

void App::hears_elsewhere(const Channels::Changed& changed, bool is_count) {
  const std::string& channel = changed.channel;
  const auto tell = [&](News news) {
    news.channel = channel;
    if (peers_.is_keeper(channel)) on_news_(news);
  };
  if (changed.was_vacant && !changed.is_vacant) tell({.name = "channel_occupied", .channel = {}});
  if (changed.came) {
    pusher_.hears_added(channel, *changed.came);
    socketio_.hears_added(channel, *changed.came, std::nullopt);
    tell({.name = "member_added", .channel = {}, .member = *changed.came});
  }
  if (changed.gone) {
    pusher_.hears_removed(channel, changed.gone->user);
    socketio_.hears_removed(channel, changed.gone->user);
    tell({.name = "member_removed", .channel = {}, .member = *changed.gone});
  }
  if (!changed.was_vacant && changed.is_vacant) tell({.name = "channel_vacated", .channel = {}});
  if (changed.is_vacant) counts_.erase(channel);
  if (is_count && spec().tells_subscription_counts && !changed.is_vacant &&
      channel_kind(channel).access != ChannelAccess::presence)
    count_changed(channel);
}

void App::count_changed(const std::string& channel) {
  const auto [told, is_first] = counts_.try_emplace(channel, false);
  if (is_first) return tell_count(channel);
  told->second = true;
}

void App::tell_count(const std::string& channel) {
  const std::size_t readers = channels_.readers_count(channel);
  pusher_.hears_count(channel, readers);
  socketio_.hears_count(channel, readers);
  if (peers_.is_keeper(channel))
    on_news_({.name = "subscription_count", .channel = channel, .readers = readers});
}

// What happened here, in one dialect. Of what all processes know, one tells the tenant's server.
void App::relay(Dialect from, const News& news) {
  if (news.name == "subscription_count") return count_changed(news.channel);
  if (news.name == "channel_vacated") counts_.erase(news.channel);
  const bool is_of_here = news.name == "client_event" || news.name == "cache_miss";
  if (is_of_here || peers_.is_keeper(news.channel)) on_news_(news);
  const auto tell = [&](auto& other) {
    if (news.name == "member_removed") other.hears_removed(news.channel, news.member.user);
  };
  if (from == Dialect::pusher) {
    tell(socketio_);
    if (news.name == "member_added") socketio_.hears_added(news.channel, news.member, std::nullopt);
  } else {
    tell(pusher_);
    if (news.name == "member_added") pusher_.hears_added(news.channel, news.member);
  }
}

}  // namespace utakata::realtime
