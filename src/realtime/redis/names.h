// What our keys and channels in Redis are called. Of each tenant, with P the prefix and T its id:
//
//   P:0 .. P:63        channels: all words of a channel of ours go over one of them
//   P:places           set: the keys P:{T}:place:C that there are, and some that have expired
//   P:{T}:place:C      hash: the epoch and the newest offset of channel C
//   P:{T}:words:C      stream: what is kept of it, an envelope each; its ids are offsets
//   P:{T}:serial       number: the last one given to a word of T
//   P:{T}:sent:S       number: the last one that process S has got done for T
//
// In T and C all but letters, digits and `_-=@,.;#` is written as %XX, so that no two names are the
// same. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::realtime {

inline constexpr std::size_t redis_slots = 64;

class RedisNames {
 public:
  explicit RedisNames(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string slot(std::size_t number) const;
  std::string slot(std::string_view tenant, std::string_view channel) const;  // by FNV-1a
  std::string place(std::string_view tenant, std::string_view channel) const;
  std::string words(std::string_view tenant, std::string_view channel) const;
  std::string serial(std::string_view tenant) const;
  std::string sent(std::string_view tenant, std::uint64_t process) const;
  std::string probe(std::uint64_t process) const;  // the channel of one process to itself

  std::string places() const;
  // The key that belongs to such a key. None: it is no key of ours.
  std::optional<std::string> place_of(std::string_view words) const;
  std::optional<std::string> words_of(std::string_view place) const;

 private:
  std::optional<std::string> changed(std::string_view key, std::string_view from,
                                     std::string_view to) const;
  std::string of_tenant(std::string_view tenant) const;
  const std::string prefix_;
};

}  // namespace utakata::realtime
