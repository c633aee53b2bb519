// Digests as text, and how to compare what must not be guessed. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace utakata::wire {

// In small hexadecimal letters: 64, 64 and 32 of them.
std::string sha256_hex(std::string_view text);                                // FIPS 180-4
std::string hmac_sha256_hex(std::string_view secret, std::string_view text);  // RFC 2104
std::string md5_hex(std::string_view text);  // RFC 1321: against accidents, not against anybody

// The same as sha256_hex, of what comes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view piece);
  std::string hex();  // of all of it; once, and nothing is added after it

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The time depends on the lengths only. What differs in length is not equal.
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace utakata::wire
