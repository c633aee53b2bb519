// For tests: a stack of their own in an etcd, with a file for its observations.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fleet/store/etcd/etcd_link.h"
#include "fleet/store/etcd/etcd_store.h"
#include "fleet/store/memory.h"
#include "net/etcd/etcd_for_tests.h"

namespace utakata {

// One for the whole program: it takes a second.
inline net::EtcdForTests& shared_etcd() {
  static net::EtcdForTests one;
  return one;
}

class EtcdPlace {
 public:
  explicit EtcdPlace(const net::EtcdForTests& etcd) {
    static int last = 0;
    options.etcd = etcd.options();
    options.stack = "show-" + std::to_string(++last);
  }
  Expected<std::unique_ptr<Store>> open(EtcdFence fence = {}) {
    return open_etcd(options, local, std::move(fence));
  }
  // By hand, as with etcdctl.
  Expected<net::EtcdTxnAnswer> txn(const net::EtcdTxn& txn) {
    return etcd::Link(options.etcd, {}).txn(txn);
  }
  std::vector<net::EtcdRow> rows(const std::string& below) {
    const auto rows =
        etcd::Link(options.etcd, {}).range(net::etcd_prefix(etcd_root(options.stack) + below));
    return rows ? rows->rows : std::vector<net::EtcdRow>{};
  }
  // The fencing token of whoever has it then.
  std::int64_t own(const std::string& cluster, const std::string& who) {
    const auto key = etcd_owner_key(options.stack, cluster);
    (void)txn({.deletes = {{key}}});
    const auto put = txn({.puts = {{key, who}}});
    return put ? put->revision : 0;
  }

  EtcdStoreOptions options;
  MemoryStore local;  // outlives every life of a store
};

}  // namespace utakata
