#include "fleet/store/etcd/etcd_keys.h"

#include <fmt/format.h>

namespace utakata {

namespace etcd {

std::string Keys::instance(std::string_view cluster, std::string_view id) const {
  return fmt::format("{}{}/{}", instances(), cluster, id);
}
std::string Keys::activity(std::int64_t number) const {
  return fmt::format("{}{:020}", activities(), number);
}
std::string Keys::part(std::string_view token, int number) const {
  return fmt::format("{}{:04}", parts(token), number);
}

}  // namespace etcd
}  // namespace utakata
