#include "realtime/redis/envelope.h"

#include "base/check.h"

namespace utakata::realtime {
namespace {

constexpr std::string_view magic = "utk1";

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += char(value >> shift & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  check(text.size() <= 0xffffffff, "what is published is far below 4 GiB");
  put(out, text.size(), 4);
  out += text;
}

struct Reader {  // reads on after the end, as zeros, and knows it
  std::string_view rest;
  bool is_short = false;

  std::string_view take(std::size_t size) {
    if (size > rest.size()) {
      is_short = true;
      size = rest.size();
    }
    const auto taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view text() { return take(std::size_t(number(4))); }
};

}  // namespace

std::string redis_envelope_front(const RedisEnvelope& envelope) {
  std::string out(magic);
  put(out, envelope.process, 8);
  put(out, envelope.number, 8);
  put(out, envelope.age_ms, 8);
  return out;
}

std::string redis_envelope_place(const RedisEnvelope& envelope) {
  std::string out;
  put(out, envelope.offset, 8);
  put(out, envelope.serial, 8);
  put_text(out, envelope.epoch);
  return out;
}

std::string redis_envelope_back(const RedisEnvelope& envelope) {
  std::string out;
  out.reserve(12 + envelope.tenant.size() + envelope.channel.size() + envelope.body.size());
  put_text(out, envelope.tenant);
  put_text(out, envelope.channel);
  put_text(out, envelope.body);
  return out;
}

std::string redis_envelope_bytes(const RedisEnvelope& envelope) {
  return redis_envelope_front(envelope) + redis_envelope_place(envelope) +
         redis_envelope_back(envelope);
}

Expected<RedisEnvelope> redis_envelope(std::string_view bytes) {
  Reader reader{bytes};
  const bool is_ours = reader.take(magic.size()) == magic;
  RedisEnvelope envelope{.process = reader.number(8),
                         .number = reader.number(8),
                         .age_ms = reader.number(8),
                         .offset = reader.number(8),
                         .serial = reader.number(8),
                         .epoch = reader.text(),
                         .tenant = reader.text(),
                         .channel = reader.text(),
                         .body = reader.text()};
  if (!is_ours || reader.is_short || !reader.rest.empty() || envelope.number == 0 ||
      envelope.epoch.size() > redis_epoch_bytes_max)
    return problem(Problem::Kind::invalid, "redis: a message is not an envelope of ours");
  if (envelope.epoch.empty() == envelope.is_kept() || (!envelope.is_kept() && envelope.serial != 0))
    return problem(Problem::Kind::invalid, "redis: a message has half a place on a timeline");
  return envelope;
}

}  // namespace utakata::realtime
