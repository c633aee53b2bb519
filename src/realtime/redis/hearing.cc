#include "realtime/redis/hearing.h"

#include <algorithm>

namespace utakata::realtime {
namespace {

constexpr std::size_t processes_max = 4096;
constexpr std::size_t numbers_max = 32;
constexpr std::size_t word_overhead = 128;  // of one that waits

// Redis' clock is not ours: to forget too late costs memory, too early tells a word twice.
constexpr Duration forget_after = 1min;
constexpr std::uint64_t age_ms_max = 366ull * 24 * 3600 * 1000;

Position position(const RedisEnvelope& envelope) {
  return {.epoch = std::string(envelope.epoch), .offset = envelope.offset};
}

}  // namespace

void RedisHearing::begin_gap() {
  is_gap_ = true;
  hole_.reset();
  waiting_.clear();
  waiting_from_.clear();
  waiting_bytes_ = 0;
}

bool RedisHearing::live(std::string_view bytes, Instant now) {
  const auto envelope = redis_envelope(bytes);
  if (!envelope) {
    ++dropped_;
    return true;
  }
  std::string words;
  if (envelope->is_kept()) words = names_.words(envelope->tenant, envelope->channel);
  if (!is_gap_ && waiting_.empty() && !is_hole(words, *envelope)) {
    envelope->is_kept() ? take_kept(words, *envelope, now) : take_plain(*envelope);
    return true;
  }
  if (waiting_bytes_ + bytes.size() + word_overhead > waiting_bytes_max_) return false;
  if (is_gap_ && envelope->is_kept() && !is_waiting(words, *envelope))
    waiting_from_[words].push_back(position(*envelope));
  const bool is_first = waiting_.empty();
  waiting_.emplace_back(bytes);
  waiting_bytes_ += bytes.size() + word_overhead;
  if (!is_gap_ && is_first) hole_ = Hole{.words = words, .before = position(*envelope)};
  return true;
}

std::optional<Position> RedisHearing::kept(const std::string& words, std::string_view bytes,
                                           Instant now) {
  const auto envelope = redis_envelope(bytes);
  if (!envelope || !envelope->is_kept() ||
      names_.words(envelope->tenant, envelope->channel) != words) {
    ++dropped_;
    return std::nullopt;
  }
  // What waits is told when it is its turn among the others.
  const bool is_later = is_gap_ ? is_waiting(words, *envelope)
                                : hole_ && hole_->words == words &&
                                      (envelope->epoch != hole_->before.epoch ||
                                       envelope->offset >= hole_->before.offset);
  if (!is_later) take_kept(words, *envelope, now);
  return position(*envelope);
}

void RedisHearing::end_gap(Instant now) {
  is_gap_ = false;
  waiting_from_.clear();
  drain(now);
}

void RedisHearing::hole_filled(Instant now) {
  if (!hole_) return;
  hole_.reset();
  if (waiting_.empty()) return;
  // What is still missing is to be had nowhere: it has been pushed out.
  const auto first = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= first.size() + word_overhead;
  const auto envelope = redis_envelope(first);
  take_kept(names_.words(envelope->tenant, envelope->channel), *envelope, now);
  drain(now);
}

void RedisHearing::drain(Instant now) {
  while (!waiting_.empty()) {
    const auto envelope = redis_envelope(waiting_.front());
    if (envelope->is_kept()) {
      const auto words = names_.words(envelope->tenant, envelope->channel);
      if (is_hole(words, *envelope)) {
        hole_ = Hole{.words = words, .before = position(*envelope)};
        return;
      }
      take_kept(words, *envelope, now);
    } else {
      take_plain(*envelope);
    }
    waiting_bytes_ -= waiting_.front().size() + word_overhead;
    waiting_.pop_front();
  }
}

// A channel that is not known has no hole: what was kept of it when we came has been read, and what
// has been forgotten must not be told again.
bool RedisHearing::is_hole(const std::string& words, const RedisEnvelope& envelope) const {
  if (!envelope.is_kept()) return false;
  const auto found = timelines_.find(words);
  if (found == timelines_.end()) return false;
  const auto& last = found->second.last;
  return envelope.offset > (last.epoch == envelope.epoch ? last.offset : 0) + 1;
}

bool RedisHearing::is_waiting(const std::string& words, const RedisEnvelope& envelope) const {
  const auto found = waiting_from_.find(words);
  return found != waiting_from_.end() && std::ranges::any_of(found->second, [&](const auto& from) {
           return from.epoch == envelope.epoch && from.offset <= envelope.offset;
         });
}

RedisHearing::Timeline& RedisHearing::timeline(const std::string& words,
                                               const RedisEnvelope& envelope, Instant now) {
  const auto age = std::chrono::milliseconds{std::min(envelope.age_ms, age_ms_max)};
  const auto forget_at = now + age + forget_after;
  const auto [found, is_new] = timelines_.try_emplace(words);
  if (is_new) forget_at_.emplace(forget_at, words);
  found->second.forget_at = forget_at;
  return found->second;
}

void RedisHearing::take_kept(const std::string& words, const RedisEnvelope& envelope, Instant now) {
  auto& line = timeline(words, envelope, now);
  if (line.last.epoch == envelope.epoch && envelope.offset <= line.last.offset) return;
  if (line.last.epoch != envelope.epoch) line.last.epoch = envelope.epoch;
  line.last.offset = envelope.offset;
  auto& numbers = line.numbers;
  const auto from = std::ranges::find(numbers, envelope.process, &Numbers::value_type::first);
  if (from != numbers.end()) {
    if (envelope.number <= from->second) return;
    numbers.erase(from);
  } else if (numbers.size() == numbers_max) {
    numbers.erase(numbers.begin());
  }
  numbers.emplace_back(envelope.process, envelope.number);
  tell(envelope);
}

void RedisHearing::take_plain(const RedisEnvelope& envelope) {
  if (processes_.size() >= processes_max && !processes_.contains(envelope.process))
    processes_.erase(std::ranges::min_element(
        processes_, {}, [](const auto& entry) { return entry.second.heard; }));
  auto& process = processes_[envelope.process];
  process.heard = ++heard_;
  if (envelope.number <= process.number) return;
  process.number = envelope.number;
  tell(envelope);
}

void RedisHearing::tell(const RedisEnvelope& envelope) {
  BusWord word{.tenant = envelope.tenant,
               .channel = envelope.channel,
               .body = envelope.body,
               .serial = envelope.serial};
  if (envelope.is_kept()) word.position = position(envelope);
  tell_(word);
}

Position RedisHearing::known(const std::string& words) const {
  const auto found = timelines_.find(words);
  return found == timelines_.end() ? Position{} : found->second.last;
}

void RedisHearing::forget(Instant now) {
  while (!forget_at_.empty() && forget_at_.begin()->first <= now) {
    auto node = forget_at_.extract(forget_at_.begin());
    const auto found = timelines_.find(node.mapped());
    if (found->second.forget_at <= now) {
      timelines_.erase(found);
    } else {
      node.key() = found->second.forget_at;
      forget_at_.insert(std::move(node));
    }
  }
}

}  // namespace utakata::realtime
