#include "realtime/redis/names.h"

#include <fmt/format.h>

namespace utakata::realtime {
namespace {

constexpr std::string_view place_mark = "}:place:", words_mark = "}:words:";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-=@,.;#").contains(c);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_plain(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

std::string RedisNames::slot(std::size_t number) const {
  return fmt::format("{}:{}", prefix_, number);
}

std::string RedisNames::slot(std::string_view tenant, std::string_view channel) const {
  auto hash = fnv1a(0xcbf29ce484222325, tenant);
  hash = fnv1a(fnv1a(hash, std::string_view("\0", 1)), channel);
  return slot(std::size_t((hash ^ hash >> 32) % redis_slots));
}

std::string RedisNames::of_tenant(std::string_view tenant) const {
  return fmt::format("{}:{{{}}}", prefix_, escaped(tenant));
}

std::string RedisNames::place(std::string_view tenant, std::string_view channel) const {
  return of_tenant(tenant) + ":place:" + escaped(channel);
}

std::string RedisNames::words(std::string_view tenant, std::string_view channel) const {
  return of_tenant(tenant) + ":words:" + escaped(channel);
}

std::string RedisNames::serial(std::string_view tenant) const {
  return of_tenant(tenant) + ":serial";
}

std::string RedisNames::sent(std::string_view tenant, std::uint64_t process) const {
  return fmt::format("{}:sent:{:016x}", of_tenant(tenant), process);
}

std::string RedisNames::probe(std::uint64_t process) const {
  return fmt::format("{}:probe:{:016x}", prefix_, process);
}

std::string RedisNames::places() const { return prefix_ + ":places"; }

std::optional<std::string> RedisNames::changed(std::string_view key, std::string_view from,
                                               std::string_view to) const {
  if (!key.starts_with(prefix_) || !key.substr(prefix_.size()).starts_with(":{"))
    return std::nullopt;
  const auto mark = key.find(from, prefix_.size());
  if (mark == key.npos) return std::nullopt;
  return std::string(key).replace(mark, from.size(), to);
}

std::optional<std::string> RedisNames::place_of(std::string_view words) const {
  return changed(words, words_mark, place_mark);
}

std::optional<std::string> RedisNames::words_of(std::string_view place) const {
  return changed(place, place_mark, words_mark);
}

}  // namespace utakata::realtime
