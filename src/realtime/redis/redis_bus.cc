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

}  // namespace

RedisBus::State::State(net::Loop& its_loop, RedisBusSettings its_settings)
    : loop(its_loop),
      settings(std::move(its_settings)),
      names(settings.prefix),
      process(random_number()),
      epoch(net::random_token(12)),
      hearing(names, settings.heard_bytes,
              [this](const BusWord& word) {
                if (calls.heard) calls.heard(word);
              }),
      outbox(settings.waiting_bytes),
      pair(loop,
           {.address = settings.address,
            .patience = settings.patience,
            .probe = names.probe(process)},
           {.greet = [this] { return greet(); },
            .greeted =
                [this] {
                  reading = {};
                  read();
                },
            .broken = [this](bool was_joined) { broken(was_joined); },
            .probe_refused = [this](const redisReply& reply) { is_refused(reply); }}) {}

RedisBus::State::~State() { loop.cancel(forgetting); }

std::size_t RedisBus::State::greet() {
  std::vector<std::string> channels{names.probe(process)};
  for (std::size_t slot = 0; slot < redis_slots; ++slot) channels.push_back(names.slot(slot));
  pair.hears().subscribe(channels, [this](const redisReply& reply) { came(reply); });
  const auto load = [this](std::string_view script, std::string& hash) {
    const std::array<std::string, 3> words{"SCRIPT", "LOAD", std::string(script)};
    pair.commands().ask(words, [this, &hash](const redisReply& reply) {
      if (reply.type != REDIS_REPLY_STRING) return pair.fail(std::string(net::redis_text(reply)));
      hash = net::redis_text(reply);
      pair.confirmed();
    });
  };
  load(redis_keep_script, keep_script);
  load(redis_kept_script, kept_script);
  return channels.size() + 2;
}

void RedisBus::State::came(const redisReply& reply) {
  if (pair.is_away() || reply.type != REDIS_REPLY_ARRAY || reply.elements != 3) return;
  const auto kind = net::redis_text(*reply.element[0]);
  if (kind == "subscribe") return pair.confirmed();
  if (kind != "message" || net::redis_text(*reply.element[1]) == names.probe(process)) return;
  if (!hearing.live(net::redis_text(*reply.element[2]), loop.turn_time()))
    return pair.fail("redis: more came than may wait while what is kept was being read");
  if (hearing.hole()) fill_hole();
}

void RedisBus::State::broken(bool was_joined) {
  outbox.send_again();
  hearing.begin_gap();
  is_filling = false;
  if (was_joined && calls.reaches) calls.reaches(false);
}

void RedisBus::State::send() {
  while (pair.is_joined()) {
    const auto* word = outbox.next();
    if (!word) return;
    pair.commands().ask(command(*word), [this](const redisReply& reply) { sent(reply); });
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
          "5",
          names.place(word.tenant, word.channel),
          names.words(word.tenant, word.channel),
          names.serial(word.tenant),
          names.sent(word.tenant, process),
          names.places(),
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
  const auto why = net::redis_text(reply);
  for (const auto* cannot_now : {"NOSCRIPT", "LOADING", "READONLY", "MASTERDOWN", "BUSY ",
                                 "TRYAGAIN", "NOAUTH", "NOREPLICAS"}) {
    if (!why.starts_with(cannot_now)) continue;
    pair.fail(fmt::format("redis: {}", why));
    return false;
  }
  pair.refused(why);
  return true;
}

RedisBus::RedisBus(net::Loop& loop, RedisBusSettings settings)
    : state_(std::make_unique<State>(loop, std::move(settings))) {}
RedisBus::~RedisBus() = default;

void RedisBus::join(Calls calls) {
  auto& state = *state_;
  check(state.forgetting == 0, "a bus is joined once");
  state.calls = std::move(calls);
  state.forgetting = state.loop.every(1s, [&state] { state.hearing.forget(state.loop.now()); });
  state.pair.start();
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

const std::optional<Problem>& RedisBus::trouble() const { return state_->pair.trouble(); }
std::size_t RedisBus::waiting_bytes() const { return state_->outbox.bytes(); }
std::size_t RedisBus::dropped() const { return state_->hearing.dropped(); }

}  // namespace utakata::realtime
