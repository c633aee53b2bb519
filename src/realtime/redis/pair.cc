#include "realtime/redis/pair.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/check.h"

namespace utakata::realtime {

RedisPair::RedisPair(net::Loop& loop, Settings settings, Calls calls)
    : loop_(loop),
      settings_(std::move(settings)),
      calls_(std::move(calls)),
      random_(std::random_device{}()),
      lookup_(loop) {}

RedisPair::~RedisPair() {
  loop_.cancel(ticking_);
  loop_.cancel(again_);
}

void RedisPair::start() {
  check(ticking_ == 0, "a pair is started once");
  ticked_at_ = loop_.now();
  ticking_ = loop_.every(settings_.patience.ask_every, [this] { tick(); });
  again_ = loop_.after(0ns, [this] { dial(); });
}

void RedisPair::dial() {
  phase_ = Phase::dialling;
  dialled_at_ = loop_.now();
  const auto& address = settings_.address;
  if (const auto number = net::numeric_address(address.host, address.port)) return connect(*number);
  is_looking_up_ = true;
  const auto found = [this](const Expected<net::TcpAddresses>& addresses) {
    is_looking_up_ = false;
    if (!addresses) return fail(place() + ": " + addresses.error().what);
    const auto family = [](const net::TcpAddress& one) { return one.get()->sa_family; };
    const auto v4 = std::ranges::find(*addresses, AF_INET, family);
    connect(v4 == addresses->end() ? addresses->front() : *v4);
  };
  check(lookup_.ask(address.host, std::to_string(address.port), found), "one is asked at a time");
}

void RedisPair::connect(const net::TcpAddress& at) {
  dialled_at_ = hears_at_ = commands_at_ = loop_.now();
  const auto link = [this, &at](Instant& answered_at) {
    return std::make_unique<net::RedisLink>(
        loop_, at, settings_.address,
        net::RedisLink::Calls{.answered = [this, &answered_at] { answered_at = loop_.turn_time(); },
                              .lost = [this](std::string why) { fail(std::move(why)); }});
  };
  hears_ = link(hears_at_);
  commands_ = link(commands_at_);
  to_confirm_ = calls_.greet();
}

void RedisPair::confirmed() {
  if (phase_ != Phase::dialling || --to_confirm_ > 0) return;
  phase_ = Phase::reading;
  calls_.greeted();
}

void RedisPair::join() {
  phase_ = Phase::joined;
  joined_at_ = loop_.now();
  trouble_.reset();
}

// The probe goes over both connections: it is confirmed on one and heard on the other.
void RedisPair::tick() {
  const auto& patience = settings_.patience;
  const auto now = loop_.now();
  // A process that was stopped itself has not looked whether there are answers.
  if (now - std::exchange(ticked_at_, now) > patience.ask_every + patience.answer_within / 2)
    dialled_at_ = hears_at_ = commands_at_ = now;
  if (phase_ == Phase::away) return;
  const auto since = phase_ == Phase::dialling ? dialled_at_ : std::min(hears_at_, commands_at_);
  if (now - since > patience.answer_within) {
    if (!is_looking_up_) return fail(place() + " does not answer");
    trouble_ = Problem{Problem::Kind::unavailable, place() + ": its name is still looked up", true};
  }
  if (phase_ == Phase::dialling) return;
  const std::array<std::string, 3> words{"PUBLISH", settings_.probe, ""};
  commands_->ask(words, [this](const redisReply& reply) {
    if (reply.type == REDIS_REPLY_ERROR) calls_.probe_refused(reply);
  });
}

std::string RedisPair::place() const {
  return fmt::format("redis: {}:{}", settings_.address.host, settings_.address.port);
}

void RedisPair::fail(std::string why) {
  if (phase_ == Phase::away) return;
  const bool was_joined = std::exchange(phase_, Phase::away) == Phase::joined;
  trouble_ = Problem{Problem::Kind::unavailable, std::move(why), true};
  again_ = loop_.after(0ns, [this, was_joined] { break_off(was_joined); });
}

void RedisPair::refused(std::string_view why) {
  trouble_ = Problem{Problem::Kind::unavailable, fmt::format("redis: {}", why)};
}

void RedisPair::break_off(bool was_joined) {
  hears_.reset();
  commands_.reset();
  if (was_joined && loop_.now() - joined_at_ > settings_.patience.retry_most) failures_ = 0;
  again_ = loop_.after(back_off(), [this] { dial(); });
  calls_.broken(was_joined);
}

// Up to a quarter more, lest all processes of a cluster return at once.
Duration RedisPair::back_off() {
  const auto& patience = settings_.patience;
  auto wait = patience.retry_first;
  for (int i = 0; i < failures_ && wait < patience.retry_most; ++i) wait *= 2;
  ++failures_;
  wait = std::min(wait, patience.retry_most);
  return wait + Duration{std::int64_t(double(wait.count()) * random_.unit() / 4)};
}

}  // namespace utakata::realtime
