#include "realtime/redis/node_peers.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <deque>
#include <string_view>
#include <utility>

#include "net/redis/redis_link.h"
#include "net/secret.h"
#include "realtime/redis/pair.h"

namespace utakata::realtime {
namespace {

constexpr std::string_view kKin = "utakata-";  // how uids of ours begin

}  // namespace

struct NodePeers::State {
  struct Word {
    std::string channel, bytes;
    std::size_t size() const { return channel.size() + bytes.size() + 256; }
  };

  State(net::Loop& loop, NodePeersSettings its_settings, Calls its_calls);
  std::size_t greet();
  void broken();
  void failed(const redisReply& error);
  bool push(std::string channel, std::string bytes);
  void send();
  void sent(const redisReply& reply);
  void came(const redisReply& reply);
  void came_broadcast(std::string_view bytes);
  void came_request(const std::string& space, std::string_view bytes);
  void answer(const std::string& space, const NodeQuestion& question);
  void take(std::string_view channel, std::string_view bytes);

  const NodePeersSettings settings;
  const Calls calls;
  const std::string uid, probe;  // a channel that only this hears
  std::deque<Word> words;        // the first `under_way` were sent
  std::size_t under_way = 0, waiting_bytes = 0, dropped = 0;
  RedisPair pair;  // the last: its calls use all of the above
};

NodePeers::State::State(net::Loop& loop, NodePeersSettings its_settings, Calls its_calls)
    : settings(std::move(its_settings)),
      calls(std::move(its_calls)),
      uid(std::string(kKin) + net::random_token(12)),
      // Where adapters may answer one server only; nobody answers there what was not asked.
      probe(node_response_channel(settings.key, "/") + uid + '#'),
      pair(loop, {.address = settings.address, .patience = settings.patience, .probe = probe},
           {.greet = [this] { return greet(); },
            .greeted =
                [this] {
                  pair.join();
                  send();
                },
            .broken = [this](bool) { broken(); },
            .probe_refused = [this](const redisReply& reply) { failed(reply); }}) {
  pair.start();
}

std::size_t NodePeers::State::greet() {
  std::vector<std::string> patterns, channels{probe};
  for (const auto& space : settings.spaces) {
    patterns.push_back(node_pattern(settings.key, space));
    channels.push_back(node_request_channel(settings.key, space));
  }
  const auto heard = [this](const redisReply& reply) { came(reply); };
  pair.hears().subscribe_patterns(patterns, heard);  // first: who is counted on hears all
  pair.hears().subscribe(channels, heard);
  return patterns.size() + channels.size();
}

void NodePeers::State::broken() {
  for (; under_way > 0; --under_way) {
    waiting_bytes -= words.front().size();
    words.pop_front();
  }
}

void NodePeers::State::failed(const redisReply& error) {
  pair.fail(fmt::format("redis: {}", net::redis_text(error)));
}

bool NodePeers::State::push(std::string channel, std::string bytes) {
  Word word{std::move(channel), std::move(bytes)};
  if (waiting_bytes + word.size() > settings.waiting_bytes) return ++dropped, false;
  waiting_bytes += word.size();
  words.push_back(std::move(word));
  send();
  return true;
}

void NodePeers::State::send() {
  while (pair.is_joined() && under_way < words.size()) {
    const auto& [channel, bytes] = words[under_way++];
    const std::array<std::string, 3> command{"PUBLISH", channel, bytes};
    pair.commands().ask(command, [this](const redisReply& reply) { sent(reply); });
  }
}

void NodePeers::State::sent(const redisReply& reply) {
  if (under_way == 0) return;  // the connection was given up
  waiting_bytes -= words.front().size();
  words.pop_front();
  --under_way;
  if (reply.type != REDIS_REPLY_ERROR) return;
  ++dropped;
  pair.refused(net::redis_text(reply));
}

void NodePeers::State::came(const redisReply& reply) {
  if (pair.is_away()) return;
  if (reply.type == REDIS_REPLY_ERROR) return failed(reply);
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 3) return;
  const auto kind = net::redis_text(*reply.element[0]);
  if (kind == "subscribe" || kind == "psubscribe") return pair.confirmed();
  if (kind == "pmessage" && reply.elements == 4)
    return came_broadcast(net::redis_text(*reply.element[3]));
  if (kind == "message")
    take(net::redis_text(*reply.element[1]), net::redis_text(*reply.element[2]));
}

void NodePeers::State::take(std::string_view channel, std::string_view bytes) {
  for (const auto& space : settings.spaces)
    if (channel == node_request_channel(settings.key, space)) return came_request(space, bytes);
}

void NodePeers::State::came_broadcast(std::string_view bytes) {
  const auto broadcast = node_broadcast(bytes);
  if (!broadcast) {
    ++dropped;
    return;
  }
  if (broadcast->uid == uid || (!settings.hears_kin && broadcast->uid.starts_with(kKin))) return;
  if (std::ranges::find(settings.spaces, broadcast->space) == settings.spaces.end()) return;
  calls.heard(*broadcast);
}

void NodePeers::State::came_request(const std::string& space, std::string_view bytes) {
  const auto request = node_request(bytes);
  if (request && *request) return calls.obey(space, **request);
  const auto question = request ? node_question(bytes) : std::unexpected(request.error());
  if (!question)
    ++dropped;
  else if (*question)
    answer(space, **question);
}

void NodePeers::State::answer(const std::string& space, const NodeQuestion& question) {
  const auto channel = node_response_channel(settings.key, space);
  switch (question.kind) {
    case NodeQuestion::Kind::sids:
    case NodeQuestion::Kind::sockets:
      push(channel, node_answer_sockets(question, calls.sockets(space, question.to)));
      return;
    case NodeQuestion::Kind::rooms:
      push(channel, node_answer_rooms(question, calls.rooms(space)));
      return;
    case NodeQuestion::Kind::event_count:
      if (question.broadcast.space == space) calls.heard(question.broadcast);
      [[fallthrough]];
    case NodeQuestion::Kind::emit:
      push(channel, node_answer_none(question));
      return;
  }
}

NodePeers::NodePeers(net::Loop& loop, NodePeersSettings settings, Calls calls)
    : state_(std::make_unique<State>(loop, std::move(settings), std::move(calls))) {}
NodePeers::~NodePeers() = default;

bool NodePeers::publish(NodeBroadcast&& broadcast) {
  broadcast.uid = state_->uid;
  auto bytes = node_bytes(broadcast);
  if (!bytes) return ++state_->dropped, false;
  return state_->push(node_channel(state_->settings.key, broadcast), std::move(*bytes));
}

bool NodePeers::is_joined() const { return state_->pair.is_joined(); }
const std::optional<Problem>& NodePeers::trouble() const { return state_->pair.trouble(); }
std::size_t NodePeers::dropped() const { return state_->dropped; }

}  // namespace utakata::realtime
