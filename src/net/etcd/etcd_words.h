// The words of etcd's JSON gateway (/v3 of etcd 3.4 and newer): requests as text, answers as
// values. Pure. An answer may be anything: what is not etcd's is a Problem of the kind `refused`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "net/etcd/etcd_values.h"

namespace utakata::net {

// The body of a POST.
std::string etcd_text(const EtcdRange& range);
std::string etcd_text(const EtcdTxn& txn);
std::string etcd_grant_text(Duration ttl);        // whole seconds, rounded up
std::string etcd_lease_text(std::int64_t lease);  // of keepalive and revoke
std::string etcd_compact_text(std::int64_t revision);
std::string etcd_watch_text(std::string_view prefix, std::int64_t from);

Expected<EtcdRows> etcd_rows_from(std::string_view body);
Expected<EtcdTxnAnswer> etcd_txn_from(std::string_view body);
Expected<EtcdLease> etcd_lease_from(std::string_view body);
Expected<Duration> etcd_keep_alive_from(std::string_view body);  // `not_found`: it has ended
Expected<void> etcd_done_from(std::string_view body);            // of revoke and compact

// One line of a watch.
struct EtcdWatchLine {
  enum class Kind { created, events, progress, compacted, canceled };
  Kind kind = Kind::progress;
  std::int64_t revision = 0;  // of the whole etcd; of `compacted`: the oldest that is kept
  std::vector<EtcdEvent> events{};
  std::string reason{};  // of canceled
};
Expected<EtcdWatchLine> etcd_watch_line_from(std::string_view line);

// A no, and what to do about it.
struct EtcdNo {
  // give_up: every member would say the same. ask_another: this one is at fault. ask_later: so may
  // all be for a moment, as long as a leader is being elected.
  enum class Then { give_up, ask_another, ask_later };
  Problem problem;
  Then then = Then::ask_another;
};
// Nothing: an answer, to be read by the above. Of an answer's status and body, or of a watch's line
// (with status 200).
std::optional<EtcdNo> etcd_no_from(int status, std::string_view body);

}  // namespace utakata::net
