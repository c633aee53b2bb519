// A batch as what it writes in etcd. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fleet/store/etcd/etcd_keys.h"
#include "fleet/store/etcd/row_text.h"
#include "fleet/store/store.h"

namespace utakata::etcd {

// Activities first, in their order and without a key, with the name of the controller that records
// them; then rows. Of rows with one key the last counts: etcd takes a key once a transaction.
std::vector<Write> writes_of(const Keys& keys, const Batch& batch, std::string_view controller);
std::size_t bytes_of(const Write& write);  // about, on the wire

// In order; each but one with a single greater write of at most so many bytes.
std::vector<Part> parts_of(std::vector<Write> writes, std::size_t bytes_max);

}  // namespace utakata::etcd
