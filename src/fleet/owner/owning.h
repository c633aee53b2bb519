// A controller's part in who owns what: it keeps its lease, takes what nobody has, gives back what
// others are preferred for. By owner_table.h over a registry.
//
// A controller has one lease. It asks for more time three times within the lease's, and acts no
// longer than that counted from before it last asked with success; the registry ends the lease
// later than that. So a controller that was frozen, or cut off, has stopped acting before another
// begins.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fleet/owner/registry.h"

namespace utakata {

// Made, begun and ended on the registry's thread; its Owners part may be asked on any.
// Nothing is answered to it by the registry, nor called by `after`, once it is gone.
class Owning final : public Owners {
 public:
  struct Options {
    std::string name;               // of this controller
    std::string life;               // another one after each of its starts
    Duration ttl{3s};               // whole seconds
    Duration give_back_after{30s};  // for which the preferred owner must have been back
    std::map<std::string, std::string> prefers{};  // a cluster's preferred owner
    // Told what an operator should know.
    std::function<void(const std::string&)> say = [](const std::string&) {};
  };
  using After = std::function<void(Duration, std::function<void()>)>;
  Owning(const Clock& clock, Registry& registry, After after, Options options);

  // As EtcdOwners; look() is to be called every `look_every` from then on.
  void begin(const std::string& url, std::function<void()> changed);
  void leave(std::function<void()> done);
  void look();
  static constexpr Duration look_every{100ms};

  void want(std::vector<std::string> clusters) override;
  std::vector<std::string> wanted() const override;
  Ownership of(std::string_view cluster) const override;
  std::optional<std::int64_t> fence(std::string_view cluster) const override;
  std::vector<Controller> others() const override;

 private:
  template <class Work>
  void with_table(Work work) {
    {
      const std::lock_guard guard(mutex_);
      work(table_);
    }
    changed_();
  }
  Instant now() const { return clock_.now(); }
  void list();
  void hear(std::span<const Registry::News> news);
  void keep_lease();
  void granted(const Expected<Registry::Lease>& lease, Instant asked);
  void kept(const Expected<Duration>& left, Instant asked);
  void sign_in();
  void take_steps();
  void take(const std::string& cluster);
  void take_after(const std::string& cluster, const Registry::Tenure& before);
  void give_back(const OwnerStep& step);
  void said(const Problem& why);
  void answers_again();

  const Clock& clock_;
  Registry& registry_;
  const After after_;
  const Options options_;
  std::string url_;
  mutable std::mutex mutex_;  // of the table: other threads ask, too
  OwnerTable table_;
  std::function<void()> changed_ = [] {};
  std::int64_t lease_ = 0;  // 0: none
  bool is_asking_lease_ = false, is_signed_in_ = false, is_signing_in_ = false;
  bool is_leaving_ = false, is_away_ = false, was_in_time_ = false, is_listed_ = false;
  Instant asked_at_{};
  std::set<std::string> busy_;  // clusters of which something is under way
};

}  // namespace utakata
