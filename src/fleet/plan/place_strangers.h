// How often an address without a token may ask: a bucket each, bounded however many addresses ask.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "fleet/plan/place_secret.h"

namespace utakata {

class AddressRates {
 public:
  struct Limits {
    double per_second = 20;
    double burst = 40;
  };
  AddressRates(Limits limits, PlaceSecret secret) : limits_(limits), secret_(secret) {}

  // An IPv4 address, or an IPv6 one of which the first 64 bits count: one subscriber has all the
  // rest. Zero: it may ask, and has. Otherwise the time until it may.
  Duration ask(std::string_view address, Instant now);

 private:
  // 4 ways x 16,384 sets: where a set is full, the one that has most in its bucket (asked longest
  // ago) makes room, which is harmless to it once its bucket is full again, after 2 s.
  static constexpr std::size_t kWays = 4, kSets = 16384;
  struct Entry {
    std::uint64_t address = 0;  // keyed hash; 0: free
    double left = 0;
    Instant at{};
  };
  Limits limits_;
  PlaceSecret secret_;
  std::vector<Entry> entries_;  // allocated when the first stranger asks
};

// "2001:db8:0:0" of "2001:db8::1"; an IPv4 address, also a mapped one, as it is.
std::string_view address_prefix(std::string_view address, std::string& storage);

}  // namespace utakata
