#include "fleet/model/etcd_root.h"

#include <fmt/format.h>

namespace utakata {

std::string etcd_root(std::string_view stack) { return fmt::format("/utakata/{}/", stack); }

std::string etcd_owner_key(std::string_view stack, std::string_view cluster) {
  return etcd_owner_key_under(etcd_root(stack), cluster);
}

std::string etcd_owner_key_under(std::string_view root, std::string_view cluster) {
  return fmt::format("{}owners/{}", root, cluster);
}

}  // namespace utakata
