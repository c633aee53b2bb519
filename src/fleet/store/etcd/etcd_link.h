// etcd as a store wants it: each call waits for its answer. A loop of its own is run meanwhile and
// rests otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/problem.h"
#include "net/etcd/etcd_client.h"
#include "net/loop.h"

namespace utakata::etcd {

class Link {
 public:
  // `may_ask`: see EtcdStoreOptions.
  Link(net::EtcdOptions options, std::function<bool()> may_ask);
  Expected<net::EtcdRows> range(const net::EtcdRange& range);
  Expected<net::EtcdTxnAnswer> txn(const net::EtcdTxn& txn);
  Expected<void> compact(std::int64_t revision);
  // Every row of the prefix as of the revision, `page` at a time, so that no answer is too large.
  Expected<void> list(const std::string& prefix, std::int64_t revision, std::int64_t page,
                      const std::function<Expected<void>(const net::EtcdRow&)>& each);
  Instant now() const { return loop_.now(); }

 private:
  template <class T>
  Expected<T> wait(const std::function<void(net::EtcdClient::Done<T>)>& ask);

  net::Loop loop_;
  std::function<bool()> may_ask_;
  net::EtcdClient client_;
};

}  // namespace utakata::etcd
