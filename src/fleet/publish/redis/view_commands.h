// What is written to Redis of a stack's clusters. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "fleet/model/published.h"

namespace utakata {

// One transaction: for each cluster the sorted set `utakata:STACK:CLUSTER`, whole: its members are
// the urls of instances that are open and have room, its scores their loads. It expires `lives`
// later. A Redis has no empty set: where there is no member there is no key. Of instances with one
// url (behind one name) the least load counts; a ${ticket} in it is left out. Who is open and not
// counted yet stays as it stands there. A cluster that is nobody's lives on; of others' nothing is
// said.
std::vector<std::vector<std::string>> redis_view_commands(
    const std::string& stack, std::span<const PublishedCluster> clusters, Duration lives);

}  // namespace utakata
