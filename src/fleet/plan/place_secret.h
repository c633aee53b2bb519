// Names of placements, tickets and places in line that nobody can guess: a number that finds the
// thing at once, then a keyed hash of it (SipHash-2-4, Aumasson and Bernstein 2012). Nothing is
// stored for it but the key. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace utakata {

struct PlaceSecret {  // 128 random bits, from whoever starts the ledger; kept beside what must
                      // outlive a restart
  std::uint64_t low = 0, high = 0;
  bool operator==(const PlaceSecret&) const = default;
};

std::uint64_t siphash(const PlaceSecret& secret, std::string_view bytes);

// What a name is of goes into the hash: a ticket, which instances see, does not give the placement
// away.
enum class PlaceName : std::uint8_t { placement = 'p', ticket = 't', line = 'l' };

// 32 small hexadecimal digits: 16 of the number, 16 of the hash. About 20 ns.
using PlaceText = std::array<char, 32>;
PlaceText place_text(const PlaceSecret& secret, PlaceName of, std::uint64_t number);
inline std::string_view view(const PlaceText& text) { return {text.data(), text.size()}; }

// Nothing: it was not made by this secret for this purpose.
std::optional<std::uint64_t> place_number(const PlaceSecret& secret, PlaceName of,
                                          std::string_view text);

}  // namespace utakata
