// Where the controllers of a stack write who is there and who owns what. What a controller writes
// of itself is there for as long as its lease, which ends by itself unless it is kept; never
// before the time that it was kept for has passed since that was asked.
//
// One thread. Every call returns at once and answers later, once, on that thread; `timed_out` and
// `unavailable` may have been done all the same.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/owner/owner_table.h"

namespace utakata {

class Registry {
 public:
  template <class T>
  using Done = std::function<void(Expected<T>)>;
  virtual ~Registry() = default;

  struct All {
    std::map<std::string, OwnerRow, std::less<>> owners;                // by cluster
    std::map<std::string, std::string, std::less<>> url_of_controller;  // of those that are there
    std::int64_t as_of = 0;
  };
  virtual void list(Done<All> done) = 0;
  struct News {  // one of the two names something
    std::string cluster, controller;
    std::optional<OwnerRow> owner{};   // of `cluster`; none: it has none
    std::optional<std::string> url{};  // of `controller`; none: it is gone
    std::int64_t as_of = 0;
  };
  // All that is written after `as_of`, in order. `lost`: not all can be told; list anew.
  virtual void watch(std::int64_t as_of, std::function<void(std::span<const News>)> news,
                     std::function<void()> lost) = 0;

  struct Lease {
    std::int64_t id = 0;
    Duration ttl{};
  };
  virtual void grant(Duration ttl, Done<Lease> done) = 0;
  // Answers for how long from now on. `not_found`: it has ended.
  virtual void keep(std::int64_t lease, Duration within, Done<Duration> done) = 0;
  virtual void revoke(std::int64_t lease, Duration within, Done<void> done) = 0;
  virtual void sign_in(std::int64_t lease, const std::string& url, Done<void> done) = 0;

  struct Tenure {
    TenureRow row{};
    std::int64_t read_at = 0;  // the number of the write; 0: it is not there
  };
  virtual void read_tenure(const std::string& cluster, Done<Tenure> done) = 0;
  struct Taking {
    std::string cluster;
    OwnerRow owner;  // its fence is that of the write
    TenureRow tenure;
    std::int64_t read_at = 0;
    std::int64_t lease = 0;
  };
  struct Taken {
    bool has_succeeded = false;
    std::int64_t fence = 0;  // of what was written
    // What is there instead; none of it where something is missing.
    std::optional<OwnerRow> owner{};
    std::int64_t lease = 0;
    TenureRow tenure{};
  };
  // Both rows or none: where the cluster has no owner and its tenure is as it was read.
  virtual void take(const Taking& taking, Done<Taken> done) = 0;
  // Nothing where it is not ours by that fence any more.
  virtual void give_up(const std::string& cluster, std::int64_t fence, Done<void> done) = 0;
};

}  // namespace utakata
