// Who owns what, as one controller knows it, and what it should do about it. Pure: no clock, no
// I/O; one thread.
//
// A controller takes a cluster that has no owner: at once where the cluster prefers it, or nobody
// that is there; where it prefers another one that is there, that one is waited for. It gives a
// cluster back to the one that the cluster prefers when that has been there for `stable`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "fleet/owner/owners.h"

namespace utakata {

struct OwnerRow {  // of a cluster's owner, as it wrote it itself
  std::string controller, url;
  std::string life;        // of that controller: another one after each of its starts
  std::int64_t fence = 0;  // the number of the write; rises with each new owner
  bool operator==(const OwnerRow&) const = default;
};

struct TenureRow {  // what outlives an owner: the time in which nobody else had the cluster
  std::string controller, life;
  std::int64_t tenure = 0;    // 0: nobody ever had it
  bool is_inherited = false;  // owners.h
  bool operator==(const TenureRow&) const = default;
};

struct OwnerStep {
  enum class Kind { take, give_back };
  Kind kind = Kind::take;
  std::string cluster;
  std::int64_t fence = 0;  // of `give_back`
  std::string to{};        // of `give_back`
};

class OwnerTable {
 public:
  struct Options {
    std::string name, life;  // ours
    Duration wait{1s};       // for the one that a cluster prefers
    Duration stable{30s};
  };
  explicit OwnerTable(Options options) : options_(std::move(options)) {}
  void is_at(std::string url) { url_ = std::move(url); }  // our API

  // In the stack's order; with the controller that each prefers, or an empty name.
  struct Wanted {
    std::string cluster, prefers;
  };
  void want(std::vector<Wanted> clusters) { wanted_ = std::move(clusters); }
  const std::vector<Wanted>& wanted() const { return wanted_; }

  // What is written, whole; what was there before and is not named has gone. `as_of`: the number
  // of the newest write that it can tell of.
  void know(std::map<std::string, OwnerRow, std::less<>> owners,
            std::map<std::string, std::string, std::less<>> url_of_controller, std::int64_t as_of,
            Instant now);
  // News may be older than what we did ourselves since.
  void know_owner(const std::string& cluster, std::optional<OwnerRow> row, std::int64_t as_of,
                  Instant now);
  void know_controller(const std::string& name, std::optional<std::string> url, Instant now);
  // What we write when we take a cluster that was `before`'s.
  TenureRow tenure_after(const TenureRow& before) const;
  // We took it: both rows are ours.
  void took(const std::string& cluster, const OwnerRow& row, const TenureRow& tenure);
  // We may act until then: never later than the store's own end of our lease.
  void act_until(Instant end) { until_ = end; }
  Instant end() const { return until_; }
  void lost_lease();  // nothing is ours any more

  std::vector<OwnerStep> steps(Instant now);
  void gives_back(const std::string& cluster);  // from now on it is not ours

  Ownership of(std::string_view cluster, Instant now) const;
  std::optional<std::int64_t> fence(std::string_view cluster, Instant now) const;
  std::vector<Controller> others() const;

 private:
  struct Seat {
    std::optional<OwnerRow> row;
    Instant empty_since{};  // without an owner
    std::int64_t tenure = 0;
    bool is_inherited = false;
    bool is_given_back = false;  // ours in the store for a moment, and not to be used any more
  };
  struct Other {
    std::string url;
    Instant since{};
  };
  bool is_mine(const Seat& seat) const {
    return seat.row && seat.row->life == options_.life && !seat.is_given_back;
  }

  const Options options_;
  std::string url_;
  std::vector<Wanted> wanted_;
  std::map<std::string, Seat, std::less<>> seats_;
  std::map<std::string, Other, std::less<>> controllers_;  // ourselves not
  Instant until_{};
};

}  // namespace utakata
