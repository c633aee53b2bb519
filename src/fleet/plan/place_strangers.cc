#include "fleet/plan/place_strangers.h"

#include <algorithm>
#include <string>

namespace utakata {
namespace {

// The first four groups of an IPv6 address as text, `::` filled in: enough to tell networks apart.
std::string network_of(std::string_view address) {
  std::string groups;
  int count = 0;
  const auto gap = address.find("::");
  const std::string_view head = address.substr(0, gap);
  for (std::size_t at = 0; at < head.size() && count < 4; ++count) {
    const auto end = std::min(head.find(':', at), head.size());
    groups.append(head.substr(at, end - at)).append(":");
    at = end + 1;
  }
  // Where the gap lies within the first four groups, groups after it may still be among them.
  int after = 0;
  const std::string_view tail = gap == std::string_view::npos ? "" : address.substr(gap + 2);
  if (!tail.empty()) after = int(std::ranges::count(tail, ':')) + 1;
  for (int zeros = 8 - int(count) - after; zeros > 0 && count < 4; --zeros, ++count) groups += "0:";
  for (std::size_t at = 0; at < tail.size() && count < 4; ++count) {
    const auto end = std::min(tail.find(':', at), tail.size());
    groups.append(tail.substr(at, end - at)).append(":");
    at = end + 1;
  }
  return groups;
}

}  // namespace

std::string_view address_prefix(std::string_view address, std::string& storage) {
  if (address.starts_with("::ffff:") && address.find('.') != std::string_view::npos)
    return address.substr(7);
  if (address.find(':') == std::string_view::npos) return address;
  storage = network_of(address);
  return storage;
}

Duration AddressRates::ask(std::string_view address, Instant now) {
  if (entries_.empty()) entries_.resize(kWays * kSets);
  std::string storage;
  const std::uint64_t hash = siphash(secret_, address_prefix(address, storage)) | 1;
  Entry* const set = &entries_[(hash >> 1) % kSets * kWays];
  const auto filled = [&](const Entry& entry) {
    return std::min(limits_.burst, entry.left + to_seconds(now - entry.at) * limits_.per_second);
  };
  Entry* entry = std::find_if(set, set + kWays, [&](const Entry& e) { return e.address == hash; });
  if (entry == set + kWays) {
    entry = std::find_if(set, set + kWays, [](const Entry& e) { return e.address == 0; });
    if (entry == set + kWays)
      entry = std::max_element(
          set, set + kWays, [&](const Entry& a, const Entry& b) { return filled(a) < filled(b); });
    *entry = {hash, limits_.burst, now};
  }
  entry->left = filled(*entry);
  entry->at = now;
  if (entry->left < 1) return from_seconds((1 - entry->left) / limits_.per_second);
  entry->left -= 1;
  return Duration{};
}

}  // namespace utakata
