// The store of any number of controllers: in etcd, under /utakata/STACK/. docs/etcd.md lists its
// keys.
//
// Observations stay on this machine, in a store beside it. Everything else is in etcd alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/store/etcd/etcd_keys.h"
#include "fleet/store/fences.h"
#include "fleet/store/store.h"
#include "net/etcd/etcd_client.h"

namespace utakata {

struct EtcdStoreOptions {
  net::EtcdOptions etcd;  // its deadline is how long a call of the store may block, and a call of a
                          // large batch or of load() is several
  std::string stack;
  std::string controller{};              // which one records: stands in each activity
  std::int64_t activities_max = 10'000;  // kept; older ones go
  // So often what etcd remembers of older values is forgotten, but for the last such while. That is
  // of everybody's keys in that etcd, as Kubernetes does it; 0: never, where etcd compacts itself
  // (--auto-compaction-retention).
  Duration compact_every{300s};
  // For tests: asked before each request; false: as if etcd were away.
  std::function<bool()> may_ask{};
};

// The create_revision of the cluster's owner's key (etcd_owner_key()). Asked inside record(), on
// its thread.
using EtcdFence = FenceOf;

// Of record(): a batch is recorded only if each of its clusters is ours by `fence` and in etcd at
// that very moment, else `conflict` and nothing of it is. Without a `fence` nothing is compared.
// Where etcd's answer is lost (`timed_out`, `unavailable`) a batch may be recorded all the same;
// whatever is recorded next comes after it.
//
// Every call waits for etcd, up to its deadline. Only while a call runs is anything done.
//
// Problems of opening: `unavailable` or `timed_out` (etcd is away), `invalid` (of a newer program,
// or another's). `local` takes observations, and must outlive this.
Expected<std::unique_ptr<Store>> open_etcd(EtcdStoreOptions options, Store& local,
                                           EtcdFence fence = {});

}  // namespace utakata
