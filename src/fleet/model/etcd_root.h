// Where a stack lies in etcd: what its store and its owners have in common.
#pragma once

#include <string>
#include <string_view>

namespace utakata {

// "/utakata/STACK/": with its last slash, so that `show` never reads what is `show-2`'s.
std::string etcd_root(std::string_view stack);
// Who owns the cluster, for as long as its lease: the create_revision of this key is the fencing
// token. Written by owners, not by the store.
std::string etcd_owner_key(std::string_view stack, std::string_view cluster);
// The same, of a root.
std::string etcd_owner_key_under(std::string_view root, std::string_view cluster);

}  // namespace utakata
