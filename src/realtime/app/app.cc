#include "realtime/app/app.h"

#include <memory>

namespace utakata::realtime {

App::App(TenantSpec tenant, SocketIoSpec spec, AppOuts outs, SocketIoIds ids,
         std::function<void(const News&)> on_news, std::function<Instant()> now)
    : channels_(tenant.channels, ids.secret),
      on_news_(std::move(on_news)),
      now_(std::move(now)),
      pusher_(tenant, channels_, outs.pusher, hooks(Dialect::pusher)),
      socketio_(tenant, std::move(spec), channels_, outs.socketio, std::move(ids),
                hooks(Dialect::socketio)) {}

DialectHooks App::hooks(Dialect of) {
  return {.publish = [this](std::string_view channel, Message&& message,
                            const Sender& sender) { publish(channel, std::move(message), sender); },
          .news = [this, of](const News& news) { relay(of, news); }};
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
}

void App::publish(std::string_view channel, Message&& message, const Sender& sender) {
  auto but = sender.client;
  if (!but && !sender.id.empty()) {
    but = pusher_.client_of(sender.id);
    if (!but) but = socketio_.client_of(sender.id);
  }
  if (channel.starts_with(user_channel_prefix))
    return pusher_.hears_as_user(std::string(channel.substr(user_channel_prefix.size())), message,
                                 but);
  tell_node(channel, message, sender);
  const Instant now = now_();
  if (!message.attachments.empty()) return socketio_.hears(channel, message, {}, but, now);
  const auto shared = std::make_shared<const Message>(std::move(message));
  const Position position = channels_.publish(channel, shared, now);
  pusher_.hears(channel, *shared, position, but);
  socketio_.hears(channel, *shared, position, but, now);
}

void App::relay(Dialect from, const News& news) {
  on_news_(news);
  const auto tell = [&](auto& other) {
    if (news.name == "subscription_count") other.hears_count(news.channel, news.readers);
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
