// How a batch gets into etcd: whole, once, and only while its clusters are ours.
//
// All batches of a stack, whichever controller's, write one key, the counter, and compare that
// nobody wrote it in between: so they have one order, activities have rising numbers, and a
// transaction whose answer was lost and that is carried out late cannot overwrite what came after
// it.
//
// A small batch is one transaction. A larger one (etcd takes 128 operations and 1.5 MB at once):
//
//   parts under pending/TOKEN/  ->  the counter says "spreading TOKEN"  ->  rows  ->  parts go
//   nobody sees them                fenced, and from here on recorded       guarded by the counter
//
// Whoever reads a counter that is spreading finishes that first, be it another controller: the
// next batch cannot be recorded before.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/problem.h"
#include "fleet/store/etcd/batch_writes.h"
#include "fleet/store/etcd/etcd_link.h"
#include "fleet/store/fences.h"

namespace utakata::etcd {

class BatchRecorder {
 public:
  // `controller`: who records. `activities_max`: of those kept; older ones go a few at a time.
  BatchRecorder(Link& link, const Keys& keys, std::string controller, std::int64_t activities_max)
      : link_(link),
        keys_(keys),
        controller_(std::move(controller)),
        activities_max_(activities_max) {}
  // The revision of the layout's own key: a store that was emptied or laid out anew is not written
  // any more.
  void set_format_revision(std::int64_t revision) { format_revision_ = revision; }

  // The number of its first activity. `conflict`: a fence does not hold, and nothing is recorded.
  Expected<std::int64_t> record(const Batch& batch, std::vector<Fence> fences);
  // Finishes what a crash left half spread, and answers the revision at which all rows are whole.
  Expected<std::int64_t> finish();
  // Removes parts of batches that were given up more than ten minutes ago. Failing is no harm.
  void clean();
  std::int64_t newest() const { return counter_.number; }  // as last read or written
  Expected<std::int64_t> read_counter();                   // answers the revision read at

 private:
  struct Attempt;
  Expected<void> write_parts(Attempt& attempt);
  net::EtcdTxn txn_of(const Attempt& attempt, Counter& next) const;
  Expected<void> refused(Attempt& attempt, const net::EtcdTxnAnswer& answer);
  Expected<void> spread();
  Expected<void> spread_part(const Counter::Spread& spread, int part);
  Expected<void> end_spread(const Counter::Spread& spread);
  Expected<void> guarded(net::EtcdTxn txn, const Counter* next);
  Expected<void> adopt(const net::EtcdRows& rows);
  void trim(net::EtcdTxn& txn, std::int64_t before, const Counter& next) const;

  Link& link_;
  const Keys keys_;
  const std::string controller_;
  const std::int64_t activities_max_;
  std::int64_t format_revision_ = 0;
  Counter counter_;
  std::int64_t counter_revision_ = 0;  // 0: there is none yet
  bool is_known_ = false;              // that it was this when we last heard
};

}  // namespace utakata::etcd
