#include "fleet/stack/version.h"

#include <fmt/format.h>

#include <cstdint>

namespace utakata {
namespace {

class Fnv1a {  // 64 bits (Fowler, Noll, Vo): stable and short; nobody forges his own stack file
 public:
  void add(std::string_view text) {
    for (const char c : text) byte(static_cast<unsigned char>(c));
    byte(0);  // so that "ab", "c" is not "a", "bc"
  }
  std::uint64_t value() const { return value_; }

 private:
  void byte(unsigned char b) { value_ = (value_ ^ b) * 0x100000001b3ull; }
  std::uint64_t value_ = 0xcbf29ce484222325ull;
};

}  // namespace

std::string version_of(const ClusterSpec& spec) {
  Fnv1a hash;
  hash.add(spec.app);
  hash.add(spec.install);
  hash.add(spec.run.text);
  for (const auto& [name, value] : spec.env) {
    hash.add(name);
    hash.add(value.text);
  }
  hash.add(spec.limits.memory ? fmt::format("memory {}", *spec.limits.memory) : "");
  hash.add(spec.limits.files ? fmt::format("files {}", *spec.limits.files) : "");
  // Added later: the versions of instances without one are those of before.
  if (!spec.image.empty()) hash.add("image " + spec.image);
  if (spec.limits.cpus) hash.add(fmt::format("cpus {}", *spec.limits.cpus));
  for (const auto& [name, value] : spec.labels) hash.add(fmt::format("label {}={}", name, value));
  for (const auto& name : spec.secrets) hash.add("secret " + name);
  for (const auto& name : spec.configs) hash.add("config " + name);
  if (spec.lease) hash.add(fmt::format("lease {}", to_ms(*spec.lease)));
  return fmt::format("{:016x}", hash.value());
}

}  // namespace utakata
