#include "fleet/store/etcd/etcd_link.h"

#include <optional>
#include <utility>

namespace utakata::etcd {

Link::Link(net::EtcdOptions options, std::function<bool()> may_ask)
    : may_ask_(std::move(may_ask)), client_(loop_, std::move(options)) {}

// Every call of the client ends by its deadline, so this does, too.
template <class T>
Expected<T> Link::wait(const std::function<void(net::EtcdClient::Done<T>)>& ask) {
  if (may_ask_ && !may_ask_())
    return problem(Problem::Kind::unavailable, "etcd: it is away, as the test wants it", true);
  std::optional<Expected<T>> got;
  ask([&](Expected<T> result) {
    got = std::move(result);
    loop_.stop();
  });
  while (!got) loop_.run();
  return std::move(*got);
}

Expected<net::EtcdRows> Link::range(const net::EtcdRange& range) {
  return wait<net::EtcdRows>([&](auto done) { client_.range(range, std::move(done)); });
}

Expected<net::EtcdTxnAnswer> Link::txn(const net::EtcdTxn& txn) {
  return wait<net::EtcdTxnAnswer>([&](auto done) { client_.txn(txn, std::move(done)); });
}

Expected<void> Link::compact(std::int64_t revision) {
  return wait<void>([&](auto done) { client_.compact(revision, std::move(done)); });
}

Expected<void> Link::list(const std::string& prefix, std::int64_t revision, std::int64_t page,
                          const std::function<Expected<void>(const net::EtcdRow&)>& each) {
  auto part = net::etcd_prefix(prefix);
  part.revision = revision;
  part.limit = page;
  for (;;) {
    const auto rows = range(part);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : rows->rows)
      if (auto done = each(row); !done) return done;
    if (!rows->has_more || rows->rows.empty()) return {};
    part.key = rows->rows.back().key + '\0';  // the next key there could be
  }
}

}  // namespace utakata::etcd
