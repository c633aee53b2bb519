#include "realtime/redis/redis_bus.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/check.h"
#include "net/secret.h"
#include "realtime/redis/scripts.h"
#include "realtime/redis/state.h"

namespace utakata::realtime {
namespace {

std::uint64_t random_number() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

std::string_view text(const redisReply& reply) {
  return reply.str ? std::string_view(reply.str, reply.len) : std::string_view{};
}

}  // namespace

RedisBus::State::State(net::Loop& its_loop, RedisBusSettings its_settings)
    : loop(its_loop),
      settings(std::move(its_settings)),
      names(settings.prefix),
      process(random_number()),
      epoch(net::random_token(12)),
      random(random_number()),
      hearing(names, settings.heard_bytes,
              [this](const BusWord& word) {
                if (calls.heard) calls.heard(word);
              }),
      outbox(settings.waiting_bytes) {}

RedisBus::State::~State() {
  if (ticking) loop.cancel(ticking);
  if (again) loop.cancel(again);
}

void RedisBus::State::dial() {
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
  const auto load = [this](std::string_view script, std::string& hash) {
    ++to_confirm;
    const std::array<std::string, 3> words{"SCRIPT", "LOAD", std::string(script)};
    commands->ask(words, [this, &hash](const redisReply& reply) {
      if (reply.type != REDIS_REPLY_STRING) return fail(std::string(text(reply)));
      hash = text(reply);
      dialled();
    });
  };
  load(redis_keep_script, keep_script);
  load(redis_kept_script, kept_script);
}

void RedisBus::State::subscribe() {
  std::vector<std::string> channels{names.probe(process)};
  for (std::size_t slot = 0; slot < redis_slots; ++slot) channels.push_back(names.slot(slot));
  to_confirm = channels.size();
  hears->subscribe(channels, [this](const redisReply& reply) { came(reply); });
}

void RedisBus::State::dialled() {
  if (phase != Phase::dialling || --to_confirm > 0) return;
  phase = Phase::reading;
  reading = {};
  read();
}

void RedisBus::State::came(const redisReply& reply) {
  if (phase == Phase::away || reply.type != REDIS_REPLY_ARRAY || reply.elements != 3) return;
  const auto kind = text(*reply.element[0]);
  if (kind == "subscribe") return dialled();
  if (kind != "message" || text(*reply.element[1]) == names.probe(process)) return;
  if (!hearing.live(text(*reply.element[2]), loop.turn_time()))
    return fail("redis: more came than may wait while what is kept was being read");
  if (hearing.hole()) fill_hole();
}

// The probe goes over both connections: it is confirmed on one and heard on the other.
void RedisBus::State::tick() {
  const auto now = loop.now();
  hearing.forget(now);
  // A process that was stopped itself has not looked whether there are answers.
  if (now - std::exchange(ticked_at, now) > settings.ask_every + settings.answer_within / 2)
    dialled_at = hears_at = commands_at = now;
  if (phase == Phase::away) return;
  const auto since = phase == Phase::dialling ? dialled_at : std::min(hears_at, commands_at);
  if (now - since > settings.answer_within)
    return fail(
        fmt::format("redis: {}:{} does not answer", settings.address.host, settings.address.port));
  if (phase == Phase::dialling) return;
  const std::array<std::string, 3> probe{"PUBLISH", names.probe(process), ""};
  commands->ask(probe, [this](const redisReply& reply) {
    if (reply.type == REDIS_REPLY_ERROR) is_refused(reply);
  });
}

void RedisBus::State::fail(std::string why) {
  if (phase == Phase::away) return;
  const bool was_joined = std::exchange(phase, Phase::away) == Phase::joined;
  trouble = Problem{Problem::Kind::unavailable, std::move(why), true};
  again = loop.after(0ns, [this, was_joined] { break_off(was_joined); });
}

void RedisBus::State::break_off(bool was_joined) {
  hears.reset();
  commands.reset();
  outbox.send_again();
  hearing.begin_gap();
  is_filling = false;
  if (was_joined && loop.now() - joined_at > settings.retry_most) failures = 0;
  again = loop.after(back_off(), [this] { dial(); });
  if (was_joined && calls.reaches) calls.reaches(false);
}

// Up to a quarter more, lest all processes of a cluster return at once.
Duration RedisBus::State::back_off() {
  auto wait = settings.retry_first;
  for (int i = 0; i < failures && wait < settings.retry_most; ++i) wait *= 2;
  ++failures;
  wait = std::min(wait, settings.retry_most);
  return wait + Duration{std::int64_t(double(wait.count()) * random.unit() / 4)};
}

void RedisBus::State::send() {
  while (phase == Phase::joined) {
    const auto* word = outbox.next();
    if (!word) return;
    commands->ask(command(*word), [this](const redisReply& reply) { sent(reply); });
  }
}

std::vector<std::string> RedisBus::State::command(const RedisOutbox::Word& word) const {
  RedisEnvelope envelope{.process = process,
                         .number = word.number,
                         .tenant = word.tenant,
                         .channel = word.channel,
                         .body = word.body};
  const auto slot = names.slot(word.tenant, word.channel);
  if (!word.keeps) return {"PUBLISH", slot, redis_envelope_bytes(envelope)};
  envelope.age_ms = std::uint64_t(std::max<std::int64_t>(1, to_ms(word.keeps->age)));
  const auto number = std::to_string(word.number);
  return {"EVALSHA",
          keep_script,
          "4",
          names.place(word.tenant, word.channel),
          names.words(word.tenant, word.channel),
          names.serial(word.tenant),
          names.sent(word.tenant, process),
          epoch + '-' + number,
          number,
          std::to_string(envelope.age_ms),
          std::to_string(word.keeps->count),
          slot,
          redis_envelope_front(envelope),
          redis_envelope_back(envelope)};
}

void RedisBus::State::sent(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR && !is_refused(reply)) return;
  outbox.confirmed();
  send();
}

// True: for good. False: this Redis cannot now, or is not as we left it, and the gap begins.
bool RedisBus::State::is_refused(const redisReply& reply) {
  const auto why = text(reply);
  for (const auto* cannot_now : {"NOSCRIPT", "LOADING", "READONLY", "MASTERDOWN", "BUSY ",
                                 "TRYAGAIN", "NOAUTH", "NOREPLICAS"}) {
    if (!why.starts_with(cannot_now)) continue;
    fail(fmt::format("redis: {}", why));
    return false;
  }
  trouble = Problem{Problem::Kind::unavailable, fmt::format("redis: {}", why)};
  return true;
}

RedisBus::RedisBus(net::Loop& loop, RedisBusSettings settings)
    : state_(std::make_unique<State>(loop, std::move(settings))) {}
RedisBus::~RedisBus() = default;

void RedisBus::join(Calls calls) {
  auto& state = *state_;
  check(state.ticking == 0, "a bus is joined once");
  state.calls = std::move(calls);
  state.ticked_at = state.loop.now();
  state.ticking = state.loop.every(state.settings.ask_every, [&state] { state.tick(); });
  state.again = state.loop.after(0ns, [&state] { state.dial(); });
}

bool RedisBus::publish(std::string_view tenant, std::string_view channel, std::string_view body,
                       const std::optional<BusKeeps>& keeps) {
  if (!state_->outbox.push({.tenant = std::string(tenant),
                            .channel = std::string(channel),
                            .body = std::string(body),
                            .keeps = keeps}))
    return false;
  state_->send();
  return true;
}

const std::optional<Problem>& RedisBus::trouble() const { return state_->trouble; }
std::size_t RedisBus::waiting_bytes() const { return state_->outbox.bytes(); }
std::size_t RedisBus::dropped() const { return state_->hearing.dropped(); }

}  // namespace utakata::realtime
