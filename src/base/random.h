// Seeded random numbers: the same seed gives the same run. Not for secrets (net/secret.h is).
#pragma once

#include <cstdint>
#include <string>

namespace utakata {

class Random {  // SplitMix64 (Steele, Lea, Flood 2014): one word of state, good enough to choose
                // and to jitter
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return bound ? next() % bound : 0; }
  double unit() { return double(next() >> 11) * 0x1.0p-53; }  // [0, 1)

 private:
  std::uint64_t state_;
};

}  // namespace utakata
