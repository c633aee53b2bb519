#include "realtime/host/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace utakata::realtime {
namespace {

// About what the containers spend on one: bodies of a few bytes must not slip through the bound.
constexpr std::size_t kept_cost = 100, channel_cost = 400;
constexpr Duration age_max = std::chrono::hours{24 * 366};  // now + age stays a time

std::size_t cost_of(const Encoded& word) { return word->size() + kept_cost; }

std::string key_of(std::string_view tenant, std::string_view channel) {
  return fmt::format("{}:{}{}", tenant.size(), tenant, channel);
}

}  // namespace

std::vector<Encoded> Hub::join(Worker worker, Instant now) {
  expire(now);
  if (!workers_.insert(worker).second) return {};
  std::vector<const Kept*> kept;
  for (const auto& [key, channel] : channels_)
    for (const Kept& one : channel.kept) kept.push_back(&one);
  std::ranges::sort(kept, {}, &Kept::serial);
  std::vector<Encoded> words;
  words.reserve(kept.size() + 1);
  for (const Kept* one : kept) words.push_back(one->word);
  words.push_back(encode({.kind = Envelope::Kind::caught_up}));
  return words;
}

Encoded Hub::publish(const Publication& what, Instant now) {
  expire(now);
  Envelope envelope{.kind = Envelope::Kind::word,
                    .tenant = what.tenant,
                    .channel = what.channel,
                    .text = what.body};
  if (!what.keeps) return encode(envelope);
  const std::string key = key_of(what.tenant, what.channel);
  const auto there = channels_.find(key);
  const std::string epoch = there == channels_.end() ? random_() : there->second.epoch;
  envelope.epoch = epoch;
  envelope.offset = there == channels_.end() ? 1 : there->second.last + 1;
  envelope.serial = serial_ + 1;
  Encoded word = encode(envelope);
  if (!word) return nullptr;
  ++serial_;
  keep(key, epoch, {serial_, word}, *what.keeps, now);
  return word;
}

void Hub::keep(const std::string& key, const std::string& epoch, Kept kept, const BusKeeps& keeps,
               Instant now) {
  const auto [there, is_new] = channels_.try_emplace(key);
  Channel& channel = there->second;
  if (is_new) {
    channel.epoch = epoch;
    bytes_ += key.size() + channel_cost;
  } else {
    turns_.erase(channel.turn);
  }
  ++channel.last;
  channel.turn = {now + std::clamp(keeps.age, Duration{0}, age_max), kept.serial};
  turns_.emplace(channel.turn, &there->first);
  channel.bytes += cost_of(kept.word);
  bytes_ += cost_of(kept.word);
  channel.kept.push_back(std::move(kept));
  const std::size_t count = std::clamp<std::size_t>(keeps.count, 1, limits_.channel_count);
  while (channel.kept.size() > count ||
         (channel.bytes > limits_.channel_bytes && channel.kept.size() > 1))
    drop_oldest(channel);
  while (bytes_ > limits_.bytes && turns_.size() > 1) {
    const auto soonest = turns_.begin();
    forget(*(soonest->first == channel.turn ? std::next(soonest) : soonest)->second);
  }
  while (bytes_ > limits_.bytes && channel.kept.size() > 1) drop_oldest(channel);
}

void Hub::drop_oldest(Channel& channel) {
  const std::size_t cost = cost_of(channel.kept.front().word);
  channel.bytes -= cost;
  bytes_ -= cost;
  channel.kept.pop_front();
}

void Hub::forget(const std::string& key) {
  const auto there = channels_.find(key);
  bytes_ -= there->second.bytes + there->first.size() + channel_cost;
  turns_.erase(there->second.turn);
  channels_.erase(there);
}

void Hub::expire(Instant now) {
  while (!turns_.empty() && turns_.begin()->first.first <= now) forget(*turns_.begin()->second);
}

}  // namespace utakata::realtime
