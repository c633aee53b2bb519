// The names under which a stack is kept in etcd. docs/etcd.md lists them for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace utakata {

// "/utakata/STACK/": with its last slash, so that `show` never reads what is `show-2`'s.
std::string etcd_root(std::string_view stack);
// Who owns the cluster, for as long as its lease: the create_revision of this key is the fencing
// token. Written by owners, not by the store.
std::string etcd_owner_key(std::string_view stack, std::string_view cluster);

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
  std::string owner(std::string_view cluster) const;
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
