#include "realtime/host/envelope.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace utakata::realtime {
namespace {

constexpr std::uint32_t more_follows = 1u << 31;
constexpr std::size_t frame_head = sizeof(std::uint32_t);
constexpr std::size_t part_bytes_max = datagram_bytes_max - frame_head;

struct Head {
  Envelope::Kind kind{};
  std::uint8_t has_keeps = 0;
  std::uint32_t tenant = 0, channel = 0, text = 0, epoch = 0;  // bytes of each, in this order
  std::uint64_t number = 0, offset = 0, serial = 0, keeps_count = 0;
  std::int64_t keeps_age = 0;
};
static_assert(std::is_trivially_copyable_v<Head>);

std::string_view bytes_of(const Head& head) {
  return {reinterpret_cast<const char*>(&head), sizeof head};
}

void append_frame(std::string& to, std::string_view part, bool has_more) {
  const std::uint32_t head = std::uint32_t(part.size()) | (has_more ? more_follows : 0);
  to.append(reinterpret_cast<const char*>(&head), sizeof head).append(part);
}

std::optional<Envelope> decode(std::string_view bytes) {
  Head head;
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  bytes.remove_prefix(sizeof head);
  if (std::uint8_t(head.kind) > std::uint8_t(Envelope::Kind::answer)) return std::nullopt;
  const std::uint64_t sum =
      std::uint64_t{head.tenant} + head.channel + std::uint64_t{head.text} + head.epoch;
  if (sum != bytes.size()) return std::nullopt;
  const auto take = [&](std::uint32_t count) {
    const auto taken = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return taken;
  };
  Envelope envelope{
      .kind = head.kind, .number = head.number, .offset = head.offset, .serial = head.serial};
  envelope.tenant = take(head.tenant);
  envelope.channel = take(head.channel);
  envelope.text = take(head.text);
  envelope.epoch = take(head.epoch);
  if (head.has_keeps)
    envelope.keeps = BusKeeps{std::size_t(head.keeps_count), Duration{head.keeps_age}};
  return envelope;
}

}  // namespace

Encoded encode(const Envelope& envelope) {
  const auto strings = {envelope.tenant, envelope.channel, envelope.text, envelope.epoch};
  std::size_t bytes = sizeof(Head);
  for (const std::string_view one : strings) {
    if (one.size() > envelope_bytes_max) return nullptr;
    bytes += one.size();
  }
  if (bytes > envelope_bytes_max) return nullptr;
  Head head;
  std::memset(static_cast<void*>(&head), 0, sizeof head);  // what lies between its fields, too
  head.kind = envelope.kind;
  head.has_keeps = envelope.keeps.has_value();
  head.tenant = std::uint32_t(envelope.tenant.size());
  head.channel = std::uint32_t(envelope.channel.size());
  head.text = std::uint32_t(envelope.text.size());
  head.epoch = std::uint32_t(envelope.epoch.size());
  head.number = envelope.number;
  head.offset = envelope.offset;
  head.serial = envelope.serial;
  if (envelope.keeps) {
    head.keeps_count = envelope.keeps->count;
    head.keeps_age = envelope.keeps->age.count();
  }
  std::string whole;
  whole.reserve(frame_head + bytes);
  const bool is_one_frame = bytes <= part_bytes_max;
  if (is_one_frame) {
    const auto size = std::uint32_t(bytes);
    whole.append(reinterpret_cast<const char*>(&size), sizeof size);
  }
  whole.append(bytes_of(head));
  for (const std::string_view one : strings) whole.append(one);
  if (is_one_frame) return std::make_shared<const std::string>(std::move(whole));
  std::string frames;
  frames.reserve(bytes + (bytes / part_bytes_max + 1) * frame_head);
  for (std::size_t at = 0; at < bytes; at += part_bytes_max)
    append_frame(frames, std::string_view(whole).substr(at, part_bytes_max),
                 at + part_bytes_max < bytes);
  return std::make_shared<const std::string>(std::move(frames));
}

std::size_t frame_bytes(std::string_view encoded, std::size_t at) {
  std::uint32_t head = 0;
  std::memcpy(&head, encoded.data() + at, sizeof head);
  return frame_head + (head & ~more_follows);
}

// None: the datagram is at its end, or what is left of it is no frame.
std::optional<std::string_view> EnvelopeReader::next_frame(bool& has_more) {
  if (rest_.empty()) return std::nullopt;
  std::uint32_t head = 0;
  if (rest_.size() < sizeof head || (std::memcpy(&head, rest_.data(), sizeof head),
                                     rest_.size() - sizeof head < (head & ~more_follows))) {
    rest_ = {};
    ++dropped_;
    return std::nullopt;
  }
  has_more = head & more_follows;
  const auto part = rest_.substr(sizeof head, head & ~more_follows);
  rest_.remove_prefix(sizeof head + part.size());
  return part;
}

std::optional<Envelope> EnvelopeReader::next() {
  bool has_more = false;
  while (const auto part = next_frame(has_more)) {
    const bool is_in_parts = has_more || !parts_.empty() || is_skipping_;
    if (is_in_parts && !is_skipping_) {
      is_skipping_ = parts_.size() + part->size() > envelope_bytes_max;
      if (is_skipping_)
        parts_ = {};
      else
        parts_ += *part;
    }
    if (has_more) continue;
    if (std::exchange(is_skipping_, false)) {
      ++dropped_;
      continue;
    }
    whole_ = std::exchange(parts_, {});
    if (auto envelope = decode(is_in_parts ? std::string_view(whole_) : *part)) return envelope;
    ++dropped_;
  }
  return std::nullopt;
}

}  // namespace utakata::realtime
