#include "realtime/redis/node_peers.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "net/secret.h"
#include "realtime/redis/link.h"

namespace utakata::realtime {
namespace {

constexpr std::string_view kKin = "utakata-";  // how uids of ours begin

std::string_view text(const redisReply& reply) {
  return reply.str ? std::string_view(reply.str, reply.len) : std::string_view{};
}

}  // namespace

struct NodePeers::State {
  //          dial              all confirmed
  //  away ---------> dialling --------------> joined
  //   ^  back-off       |                        |
  //   +-----------------+------------------------+  fail()
  enum class Phase : std::uint8_t { away, dialling, joined };
  struct Word {
    std::string channel, bytes;
    std::size_t size() const { return channel.size() + bytes.size() + 256; }
  };

  State(net::Loop& its_loop, NodePeersSettings its_settings, Calls its_calls);
  ~State();
  void dial();
  void subscribe();
  void tick();
  void fail(std::string why);  // never calls anybody at once
  void break_off();
  Duration back_off();
  bool push(std::string channel, std::string bytes);
  void send();
  void sent(const redisReply& reply);
  void came(const redisReply& reply);
  void came_broadcast(std::string_view bytes);
  void came_request(const std::string& space, std::string_view bytes);
  void answer(const std::string& space, const NodeQuestion& question);
  void take(std::string_view channel, std::string_view bytes);

  net::Loop& loop;
  const NodePeersSettings settings;
  const Calls calls;
  const std::string uid, probe;  // a channel that only this hears
  Random random;
  Phase phase = Phase::away;
  std::optional<Problem> trouble;
  std::unique_ptr<RedisLink> hears, commands;
  std::size_t to_confirm = 0;
  std::deque<Word> words;  // the first `under_way` were sent
  std::size_t under_way = 0, waiting_bytes = 0, dropped = 0;
  Instant dialled_at{}, joined_at{}, hears_at{}, commands_at{}, ticked_at{};
  int failures = 0;                           // since it was joined for a while
  net::Loop::TimerId ticking = 0, again = 0;  // `again`: to break off or to dial
};

NodePeers::State::State(net::Loop& its_loop, NodePeersSettings its_settings, Calls its_calls)
    : loop(its_loop),
      settings(std::move(its_settings)),
      calls(std::move(its_calls)),
      uid(std::string(kKin) + net::random_token(12)),
      // Where adapters may answer one server only; nobody answers there what was not asked.
      probe(node_response_channel(settings.key, "/") + uid + '#'),
      random(std::random_device{}()) {
  ticked_at = loop.now();
  ticking = loop.every(settings.ask_every, [this] { tick(); });
  again = loop.after(0ns, [this] { dial(); });
}

NodePeers::State::~State() {
  loop.cancel(ticking);
  if (again) loop.cancel(again);
}

void NodePeers::State::dial() {
  again = 0;
  phase = Phase::dialling;
  dialled_at = hears_at = commands_at = loop.now();
  hears = std::make_unique<RedisLink>(loop, settings.address,
                                      RedisLink::Calls{
                                          .answered = [this] { hears_at = loop.turn_time(); },
                                          .lost = [this](std::string why) { fail(why); },
                                      });
  commands = std::make_unique<RedisLink>(loop, settings.address,
                                         RedisLink::Calls{
                                             .answered = [this] { commands_at = loop.turn_time(); },
                                             .lost = [this](std::string why) { fail(why); },
                                         });
  subscribe();
}

void NodePeers::State::subscribe() {
  std::vector<std::string> patterns, channels{probe};
  for (const auto& space : settings.spaces) {
    patterns.push_back(node_pattern(settings.key, space));
    channels.push_back(node_request_channel(settings.key, space));
  }
  to_confirm = patterns.size() + channels.size();
  const auto heard = [this](const redisReply& reply) { came(reply); };
  hears->subscribe_patterns(patterns, heard);  // first: who is counted on hears all
  hears->subscribe(channels, heard);
}

// The probe goes over both connections: it is confirmed on one and heard on the other.
void NodePeers::State::tick() {
  const auto now = loop.now();
  // A process that was stopped itself has not looked whether there are answers.
  if (now - std::exchange(ticked_at, now) > settings.ask_every + settings.answer_within / 2)
    dialled_at = hears_at = commands_at = now;
  if (phase == Phase::away) return;
  const auto since = phase == Phase::dialling ? dialled_at : std::min(hears_at, commands_at);
  if (now - since > settings.answer_within)
    return fail(
        fmt::format("redis: {}:{} does not answer", settings.address.host, settings.address.port));
  if (phase == Phase::dialling) return;
  const std::array<std::string, 3> words_of_probe{"PUBLISH", probe, ""};
  commands->ask(words_of_probe, [this](const redisReply& reply) {
    if (reply.type == REDIS_REPLY_ERROR) fail(fmt::format("redis: {}", text(reply)));
  });
}

void NodePeers::State::fail(std::string why) {
  if (phase == Phase::away) return;
  if (std::exchange(phase, Phase::away) == Phase::joined &&
      loop.now() - joined_at > settings.retry_most)
    failures = 0;
  trouble = Problem{Problem::Kind::unavailable, std::move(why), true};
  again = loop.after(0ns, [this] { break_off(); });
}

void NodePeers::State::break_off() {
  hears.reset();
  commands.reset();
  for (; under_way > 0; --under_way) {
    waiting_bytes -= words.front().size();
    words.pop_front();
  }
  again = loop.after(back_off(), [this] { dial(); });
}

// Up to a quarter more, lest all servers of a cluster return at once.
Duration NodePeers::State::back_off() {
  auto wait = settings.retry_first;
  for (int i = 0; i < failures && wait < settings.retry_most; ++i) wait *= 2;
  ++failures;
  wait = std::min(wait, settings.retry_most);
  return wait + Duration{std::int64_t(double(wait.count()) * random.unit() / 4)};
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
  while (phase == Phase::joined && under_way < words.size()) {
    const auto& [channel, bytes] = words[under_way++];
    const std::array<std::string, 3> command{"PUBLISH", channel, bytes};
    commands->ask(command, [this](const redisReply& reply) { sent(reply); });
  }
}

void NodePeers::State::sent(const redisReply& reply) {
  if (under_way == 0) return;  // the connection was given up
  waiting_bytes -= words.front().size();
  words.pop_front();
  --under_way;
  if (reply.type != REDIS_REPLY_ERROR) return;
  ++dropped;
  trouble = Problem{Problem::Kind::unavailable, fmt::format("redis: {}", text(reply))};
}

void NodePeers::State::came(const redisReply& reply) {
  if (phase == Phase::away) return;
  if (reply.type == REDIS_REPLY_ERROR) return fail(fmt::format("redis: {}", text(reply)));
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 3) return;
  const auto kind = text(*reply.element[0]);
  if (kind == "subscribe" || kind == "psubscribe") {
    if (phase != Phase::dialling || --to_confirm > 0) return;
    phase = Phase::joined;
    joined_at = loop.now();
    trouble.reset();
    return send();
  }
  if (kind == "pmessage" && reply.elements == 4) return came_broadcast(text(*reply.element[3]));
  if (kind == "message") take(text(*reply.element[1]), text(*reply.element[2]));
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

bool NodePeers::is_joined() const { return state_->phase == State::Phase::joined; }
const std::optional<Problem>& NodePeers::trouble() const { return state_->trouble; }
std::size_t NodePeers::dropped() const { return state_->dropped; }

}  // namespace utakata::realtime
