#include "fleet/store/etcd/etcd_keys.h"

#include <fmt/format.h>

namespace utakata {

std::string etcd_root(std::string_view stack) { return fmt::format("/utakata/{}/", stack); }

std::string etcd_owner_key(std::string_view stack, std::string_view cluster) {
  return etcd::Keys{etcd_root(stack)}.owner(cluster);
}

namespace etcd {

std::string Keys::owner(std::string_view cluster) const {
  return fmt::format("{}owners/{}", root, cluster);
}
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
