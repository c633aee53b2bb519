#include "net/etcd/etcd_client.h"

#include <utility>

#include "net/etcd/etcd_calls.h"
#include "net/etcd/etcd_members.h"
#include "net/etcd/etcd_watches.h"
#include "net/etcd/etcd_words.h"

namespace utakata::net {

struct EtcdClient::State {
  EtcdMembers members;
  EtcdCalls calls;
  EtcdWatches watches;

  State(Loop& loop, EtcdOptions options)
      : members(loop, std::move(options)), calls(loop, members), watches(loop, members) {}

  template <class T>
  CallId ask(std::string_view path, std::string body, Duration within,
             Expected<T> (*from)(std::string_view), Done<T> done) {
    const auto shared = std::make_shared<Done<T>>(std::move(done));
    return calls.ask(
        path, std::move(body), within,
        [from, shared](std::string_view answer) -> Expected<std::function<void()>> {
          auto value = from(answer);
          if (!value) return std::unexpected(std::move(value.error()));
          return [shared, value = std::move(value)]() mutable { (*shared)(std::move(value)); };
        },
        [shared](Problem why) { (*shared)(std::unexpected(std::move(why))); });
  }
};

EtcdClient::EtcdClient(Loop& loop, EtcdOptions options)
    : state_(std::make_unique<State>(loop, std::move(options))) {}
EtcdClient::~EtcdClient() = default;

EtcdClient::CallId EtcdClient::range(const EtcdRange& range, Done<EtcdRows> done, Duration within) {
  return state_->ask("/v3/kv/range", etcd_text(range), within, &etcd_rows_from, std::move(done));
}

EtcdClient::CallId EtcdClient::txn(const EtcdTxn& txn, Done<EtcdTxnAnswer> done, Duration within) {
  return state_->ask("/v3/kv/txn", etcd_text(txn), within, &etcd_txn_from, std::move(done));
}

EtcdClient::CallId EtcdClient::grant(Duration ttl, Done<EtcdLease> done, Duration within) {
  return state_->ask("/v3/lease/grant", etcd_grant_text(ttl), within, &etcd_lease_from,
                     std::move(done));
}

EtcdClient::CallId EtcdClient::keep_alive(std::int64_t lease, Done<Duration> done,
                                          Duration within) {
  return state_->ask("/v3/lease/keepalive", etcd_lease_text(lease), within, &etcd_keep_alive_from,
                     std::move(done));
}

EtcdClient::CallId EtcdClient::revoke(std::int64_t lease, Done<void> done, Duration within) {
  Done<void> and_gone_is_done = [done = std::move(done)](Expected<void> result) {
    if (!result && result.error().kind == Problem::Kind::not_found) result = {};
    done(std::move(result));
  };
  return state_->ask("/v3/lease/revoke", etcd_lease_text(lease), within, &etcd_done_from,
                     std::move(and_gone_is_done));
}

EtcdClient::CallId EtcdClient::compact(std::int64_t revision, Done<void> done, Duration within) {
  Done<void> and_before_is_done = [done = std::move(done)](Expected<void> result) {
    if (!result && result.error().kind == Problem::Kind::conflict) result = {};
    done(std::move(result));
  };
  return state_->ask("/v3/kv/compaction", etcd_compact_text(revision), within, &etcd_done_from,
                     std::move(and_before_is_done));
}

void EtcdClient::cancel(CallId id) { state_->calls.cancel(id); }

EtcdClient::WatchId EtcdClient::watch(EtcdWatch watch) {
  return state_->watches.watch(std::move(watch));
}
void EtcdClient::unwatch(WatchId id) { state_->watches.unwatch(id); }

const EtcdOptions& EtcdClient::options() const { return state_->members.options(); }

}  // namespace utakata::net
