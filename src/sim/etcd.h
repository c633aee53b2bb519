// A made-up etcd, as far as controllers share it: leases that end late and never early, who owns
// what, and one record whose writes are compared with fences. It is the witness of who owns what.
//
// Deterministic, one thread; its clock is the world's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "fleet/owner/registry.h"
#include "fleet/store/fences.h"
#include "fleet/store/memory.h"
#include "sim/timeline.h"

namespace utakata {

class MadeUpEtcd {
 public:
  MadeUpEtcd(Timeline& timeline, std::uint64_t seed) : timeline_(timeline), random_(seed) {}

  struct Owner {
    OwnerRow row;
    std::int64_t lease = 0;
  };
  // In truth; none: nobody has it.
  const Owner* owner(std::string_view cluster) const;
  bool is_there(std::string_view controller) const { return controllers_.contains(controller); }

  void set_away(bool is_away);  // for everybody; no lease ends meanwhile
  bool is_away() const { return is_away_; }
  void revoke(std::int64_t lease);
  void forget(std::string_view controller);  // a dead one: its lease is revoked

 private:
  friend class EtcdLine;
  friend class EtcdRecord;
  struct LeaseRow {
    Duration ttl{};
    Instant ends{};
  };
  struct ControllerRow {
    std::string url;
    std::int64_t lease = 0;
  };
  Instant end_of(Duration ttl);
  void keep(std::int64_t lease, Duration ttl);
  void look_at(std::int64_t lease);
  void tell(Registry::News news);

  Timeline& timeline_;
  Random random_;
  bool is_away_ = false;
  std::int64_t revision_ = 1, last_lease_ = 0;
  std::map<std::int64_t, LeaseRow> leases_;
  std::map<std::string, Owner, std::less<>> owners_;
  std::map<std::string, Registry::Tenure, std::less<>> tenures_;
  std::map<std::string, ControllerRow, std::less<>> controllers_;
  std::vector<Registry::News> news_;    // all of it
  std::vector<class EtcdLine*> lines_;  // in the order of their beginnings
};

// One life of a controller at it: what it asks is some milliseconds on the way, and so is the
// answer; either may be lost.
class EtcdLine final : public Registry {
 public:
  // `arrives`: work of the controller's, as soon as it is awake. `is_cut`: from etcd.
  struct Ends {
    std::string name, life;
    std::function<void(std::function<void()>)> arrives;
    std::function<bool()> is_cut;
  };
  EtcdLine(MadeUpEtcd& etcd, Ends ends);
  ~EtcdLine() override;  // nothing arrives any more; what was asked may be done yet

  bool is_open() const { return !etcd_.is_away() && !ends_.is_cut(); }
  void go_on();  // the line may be open again: what was not heard is

  void list(Done<All> done) override;
  void watch(std::int64_t as_of, std::function<void(std::span<const News>)> news,
             std::function<void()> lost) override;
  void grant(Duration ttl, Done<Lease> done) override;
  void keep(std::int64_t lease, Duration within, Done<Duration> done) override;
  void revoke(std::int64_t lease, Duration within, Done<void> done) override;
  void sign_in(std::int64_t lease, const std::string& url, Done<void> done) override;
  void read_tenure(const std::string& cluster, Done<Tenure> done) override;
  void take(const Taking& taking, Done<Taken> done) override;
  void give_up(const std::string& cluster, std::int64_t fence, Done<void> done) override;

 private:
  friend class MadeUpEtcd;
  static constexpr Duration kDeadline{2s};
  template <class T>
  void ask(Duration within, Done<T> done, std::function<Expected<T>(MadeUpEtcd&)> work);
  Duration way();

  MadeUpEtcd& etcd_;
  const Ends ends_;
  std::function<void(std::span<const News>)> hear_;
  std::size_t heard_ = 0;  // of the etcd's news
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The store of one life of a controller in it. What it writes is compared with the fence that it
// has by `of` and that the cluster has in truth.
class EtcdRecord final : public Store {
 public:
  EtcdRecord(MadeUpEtcd& etcd, MemoryStore& rows, EtcdLine& line, FenceOf of)
      : etcd_(etcd), rows_(rows), line_(line), of_(std::move(of)) {}
  Expected<Saved> load() override;
  Expected<void> record(Batch& batch) override;
  // Its writer freezes with the write in its hands, and sends it after so long. Of one that is the
  // owner still nothing is heard any more.
  void record_late(const Batch& batch, Duration wait, std::function<void(const Batch&)> recorded);
  Expected<void> set(std::string_view name, std::string_view text) override;
  Expected<std::vector<Activity>> activities(const ActivityQuery& query) override;
  Expected<void> observe(std::string_view, WallTime, std::string_view) override { return {}; }
  Expected<std::vector<ObservationRow>> observations(std::string_view cluster, std::int64_t after,
                                                     int limit) override {
    return rows_.observations(cluster, after, limit);
  }

 private:
  static Expected<void> compare(const MadeUpEtcd& etcd, const std::vector<Fence>& fences);

  MadeUpEtcd& etcd_;
  MemoryStore& rows_;
  EtcdLine& line_;
  const FenceOf of_;
};

}  // namespace utakata
