// A client of etcd (3.4 and newer) by its HTTP/JSON gateway: rows, transactions, leases, watches.
//
// Several members are one etcd: a call goes to the member that answered last, and to the next one
// where that refuses, breaks, is too slow or knows of no leader, until its deadline. Where a whole
// round of members could not be reached at all it fails at once: the caller tries again when it
// likes. Writes work again 1 to 3 s after the death of etcd's leader.
//
// Therefore A CALL MAY BE CARRIED OUT TWICE, or although it failed with `timed_out` or
// `unavailable`: its answer was lost. Make a transaction such that this does no harm: compare what
// it changes, and look in `otherwise` whether it was you. A lease granted twice ends by itself.
//
// Problems: `unavailable` with retry (nobody is there, no leader, or the database is full),
// `timed_out` with retry, `refused` (what answers is not etcd, does not trust us, or is not
// trusted), `invalid` (etcd did not like the request, or a TLS file cannot be used), and what
// stands beside a call. A message is one sentence with the member's address and a remedy. Answers
// of more than 12 MB are refused: ask for long ranges in parts.
//
// Loop thread only; no call blocks. `done` is called once, never before its call has returned; it
// may call this, and end it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "net/etcd/etcd_values.h"
#include "net/loop.h"

namespace utakata::net {

struct EtcdOptions {
  std::vector<std::string> endpoints;  // "http://10.0.0.1:2379", "https://..."; at least one
  // Of https, PEM files: who signed etcd's certificate (empty: the system's authorities), and who
  // we are.
  std::string ca_file{}, certificate_file{}, key_file{};
  Duration deadline{5s};  // of a call, all members together
  Duration quiet{5s};     // a watch that has heard nothing for so long asks whether etcd is there
};

struct EtcdWatch {
  std::string prefix;
  std::int64_t from = 0;  // the first revision wanted: a list's + 1, so that nothing is missed; 0:
                          // from the moment on in which the watch begins
  // In the order of their revisions, each once, across reconnects too. Without events: the watch
  // stands (again), or nothing has happened up to `revision`.
  std::function<void(std::int64_t revision, std::span<const EtcdEvent> events)> news;
  // What happened meanwhile is not known any more (compacted, or etcd was set back to an older
  // state), and the watch has ended: list again, and watch from there.
  std::function<void()> compacted;
  // The stream broke, once for each loss; it is opened again by itself, at whatever member answers.
  std::function<void(const Problem& why)> lost{};
};

class EtcdClient {
 public:
  template <class T>
  using Done = std::function<void(Expected<T>)>;
  using CallId = std::uint64_t;

  EtcdClient(Loop& loop, EtcdOptions options);
  ~EtcdClient();  // calls under way end without `done`; leases and what was written stay
  EtcdClient(const EtcdClient&) = delete;
  EtcdClient& operator=(const EtcdClient&) = delete;

  // In all of them `within` is the deadline, 0 that of the options.
  // Of the newest state that a majority has (linearizable). `conflict`: the revision asked for is
  // compacted.
  CallId range(const EtcdRange& range, Done<EtcdRows> done, Duration within = {});
  // That the compares did not hold is an answer, not a problem. `not_found`: a put's lease has
  // ended.
  CallId txn(const EtcdTxn& txn, Done<EtcdTxnAnswer> done, Duration within = {});
  // Rounded up to seconds. etcd counts from when it grants, and ends a lease up to some seconds
  // late: who holds it counts from before it asked.
  CallId grant(Duration ttl, Done<EtcdLease> done, Duration within = {});
  // Once; what is left of it then, counted as above. `not_found`: it has ended, and its keys are
  // gone.
  CallId keep_alive(std::int64_t lease, Done<Duration> done, Duration within = {});
  // Ends it, and its keys go. One that has ended already is not a failure.
  CallId revoke(std::int64_t lease, Done<void> done, Duration within = {});
  // Forgets what was before, of everybody's keys: what is there now stays. Compacted already is not
  // a failure.
  CallId compact(std::int64_t revision, Done<void> done, Duration within = {});
  void cancel(CallId id);  // without `done`; it may be carried out all the same

  using WatchId = std::uint64_t;
  WatchId watch(EtcdWatch watch);
  void unwatch(WatchId id);  // inside its own calls too; one that has ended is not a failure

  const EtcdOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
