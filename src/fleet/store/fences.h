// What a batch is compared with where controllers share a store. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/store/store.h"

namespace utakata {

struct Fence {
  std::string cluster;
  std::int64_t number = 0;  // of the write by which we took it, as we know it
  bool operator==(const Fence&) const = default;
};

// Whether we own the cluster now: the number of the write that its owner's row was made by, for as
// long as we hold its lease. None: we do not.
using FenceOf = std::function<std::optional<std::int64_t>(std::string_view cluster)>;

// Of each cluster of which something is in the batch. `conflict`: one is not ours now. Activities
// of the controller itself are nobody's. Without `of` nothing is compared.
Expected<std::vector<Fence>> fences_of(const Batch& batch, const FenceOf& of);

}  // namespace utakata
