// What the backends of an HAProxy are to hold. Pure.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fleet/model/published.h"
#include "fleet/model/stack.h"
#include "fleet/publish/haproxy/haproxy_words.h"

namespace utakata {

// Of a host its address as a number, as inet_ntop(3) writes it; none: not yet known.
using HostNumber = std::function<std::optional<std::string>(const std::string& host)>;

// Where the instances of a cluster stand, and no other's; none: nowhere.
std::optional<std::string> haproxy_backend(const HaproxySpec& spec, const std::string& cluster);

// By backend, of the clusters that are ours. Who has room is open, by how much; who has none,
// drains or is suspected is drained. An instance of which that is not known, or of which the number
// is not, stays as it is. A cluster that is not told of has no backend here.
std::map<std::string, std::vector<HaproxyWish>> haproxy_wishes(
    const HaproxySpec& spec, const std::string& prefix, std::span<const PublishedCluster> clusters,
    const HostNumber& number_of);

}  // namespace utakata
