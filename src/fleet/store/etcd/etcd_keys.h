// The names under which a stack is kept in etcd. docs/etcd.md lists them for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fleet/model/etcd_root.h"

namespace utakata {

namespace etcd {

struct Keys {
  std::string root;  // etcd_root()

  std::string format() const { return root + "format"; }
  std::string fleet_id() const { return root + "fleet_id"; }
  std::string counter() const { return root + "counter"; }
  std::string settings() const { return root + "settings/"; }
  std::string clusters() const { return root + "clusters/"; }
  std::string instances() const { return root + "instances/"; }
  std::string activities() const { return root + "activities/"; }
  std::string pending() const { return root + "pending/"; }
  std::string owner(std::string_view cluster) const { return etcd_owner_key_under(root, cluster); }
  std::string setting(std::string_view name) const { return settings().append(name); }
  std::string cluster(std::string_view name) const { return clusters().append(name); }
  std::string instance(std::string_view cluster, std::string_view id) const;
  std::string activity(std::int64_t number) const;  // 20 digits: the keys' order is the numbers'
  // Parts of a batch too large for one transaction. `token` begins with the second of its making.
  std::string parts(std::string_view token) const { return pending().append(token) + "/"; }
  std::string part(std::string_view token, int number) const;
};

}  // namespace etcd
}  // namespace utakata
