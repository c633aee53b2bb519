#include "realtime/server/apps.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "net/secret.h"
#include "realtime/pusher/events.h"
#include "realtime/server/node_join.h"

namespace utakata::realtime {

namespace {

// Two numbers with a dot, as server libraries of Pusher want it.
std::string new_sid() {
  const auto number = [] { return std::hash<std::string>{}(net::random_token()) % 10'000'000'000; };
  return fmt::format("{}.{}", number(), number());
}

}  // namespace

struct Apps::Entry {
  std::unique_ptr<SocketIoOut> socketio;
  App app;
  std::optional<NodeClusterSpec> node{};
  std::unique_ptr<NodePeers> peers{};  // none: no servers of Node; gone before the app

  // Where it is as it was, the connection stays.
  void join(net::Loop& loop, std::optional<NodeClusterSpec> its_node,
            const std::vector<std::string>& spaces, bool has_bus) {
    if (node == its_node) return;
    node = std::move(its_node);
    app.on_publish({});
    peers.reset();
    if (node) peers = join_node(loop, *node, spaces, app, has_bus);
  }
};

Apps::Apps(net::Loop& loop, SocketIoSpec socketio, Outs outs)
    : loop_(loop), socketio_(std::move(socketio)), outs_(std::move(outs)) {}
Apps::~Apps() { loop_.cancel(leaving_seats_); }

void Apps::respec(std::vector<Tenant> tenants) {
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries;
  std::map<std::string, std::unique_ptr<WebhookSender>> senders;
  by_key_.clear();
  for (auto& [spec, hooks, node] : tenants) {
    const std::string id = spec.id;
    if (!hooks.empty()) {
      auto& sender = senders_[id];
      if (!sender || !sender->is_for(spec.key, hooks))
        sender = std::make_unique<WebhookSender>(loop_, client_, spec.key, std::move(hooks));
      senders[id] = std::move(sender);
    }
    auto& entry = entries[id];
    if (const auto known = entries_.find(id); known != entries_.end()) {
      entry = std::move(known->second);
      entry->app.respec(std::move(spec));
    } else {
      auto out = outs_.socketio(id);
      SocketIoOut& voice = *out;
      entry.reset(new Entry{std::move(out),
                            {std::move(spec),
                             socketio_,
                             {outs_.pusher, voice, outs_.is_full},
                             {new_sid, [] { return net::random_token(15); }},
                             [this, id](const News& news) { occurred(id, news); },
                             [this] { return loop_.turn_time(); }}});
      outs_.made(id, entry->app);
    }
    entry->app.tells_client_events(senders.contains(id));
    entry->join(loop_, std::move(node), socketio_.namespaces, outs_.has_bus);
    by_key_[entry->app.spec().key.key] = &entry->app;
    if (!entry->app.spec().is_enabled)
      entry->app.end_all(pusher_code::app_disabled, "This app is disabled.");
  }
  senders_ = std::move(senders);
  for (auto& [id, entry] : std::exchange(entries_, std::move(entries))) {
    if (!entry) continue;
    entry->join(loop_, std::nullopt, {}, false);
    entry->app.end_all(pusher_code::no_such_app, "There is no such app any more.");
    leaving_.push_back(std::move(entry));
  }
}

App* Apps::by_id(std::string_view id) const {
  const auto known = entries_.find(id);
  return known == entries_.end() ? nullptr : &known->second->app;
}

App* Apps::by_key(std::string_view key) const {
  const auto known = by_key_.find(key);
  return known == by_key_.end() ? nullptr : known->second;
}

App* Apps::only() const { return entries_.size() == 1 ? &entries_.begin()->second->app : nullptr; }

void Apps::each(const std::function<void(const std::string& id, App& app)>& take) const {
  for (const auto& [id, entry] : entries_) take(id, entry->app);
}

void Apps::expire() {
  std::erase_if(leaving_, [](const auto& entry) { return entry->app.is_empty(); });
  for (const auto& [id, entry] : entries_) entry->app.expire(loop_.turn_time());
}

void Apps::leave_seats(std::function<void()> done) {
  bool has_any = false;
  for (const auto& [id, entry] : entries_)
    has_any |= entry->app.socketio().leave_seats(loop_.turn_time());
  if (!has_any) return done();
  loop_.cancel(leaving_seats_);
  leaving_seats_ = loop_.every(10ms, [this, done = std::move(done), until = loop_.now() + 1s] {
    const bool has_left = std::ranges::all_of(
        entries_, [](const auto& one) { return one.second->app.socketio().has_left_seats(); });
    if (!has_left && loop_.now() < until) return;
    const auto call = done;  // it goes with the timer
    loop_.cancel(leaving_seats_);
    call();
  });
}

std::vector<Apps::Webhooks> Apps::webhooks() const {
  std::vector<Webhooks> all;
  for (const auto& [id, sender] : senders_)
    all.push_back({id, sender->counts().sent, sender->counts().dropped});
  return all;
}

void Apps::each_node(
    const std::function<void(const std::string& id, const NodePeers&)>& take) const {
  for (const auto& [id, entry] : entries_)
    if (entry->peers) take(id, *entry->peers);
}

void Apps::occurred(const std::string& id, const News& news) {
  const auto sender = senders_.find(id);
  const auto kind = webhook_kind(news.name);
  if (sender == senders_.end() || !kind) return;
  sender->second->occurred({.kind = *kind,
                            .channel = news.channel,
                            .user_id = news.member.user,
                            .event = news.event,
                            .data = news.data,
                            .socket_id = news.socket_id,
                            .subscription_count = news.readers});
}

}  // namespace utakata::realtime
