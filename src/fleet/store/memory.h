// A store that forgets everything with its process: for tests and for the simulator. Keep the
// object over a simulated restart of the controller and load() answers what was recorded, and no
// more than that.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "fleet/store/store.h"

namespace utakata {

class MemoryStore final : public Store {
 public:
  Expected<Saved> load() override;
  Expected<void> record(Batch& batch) override;
  Expected<void> set(std::string_view name, std::string_view text) override;
  Expected<std::vector<Activity>> activities(const ActivityQuery& query) override;
  Expected<void> observe(std::string_view cluster, WallTime at, std::string_view blob) override;
  Expected<std::vector<ObservationRow>> observations(std::string_view cluster, std::int64_t after,
                                                     int limit) override;

  // The nth call from now fails as a full disk does (1: the next one). True to the port: nothing of
  // it is kept.
  void fail_at(int n) { fail_in_ = n; }
  // Until set back every call that writes fails as a full disk does.
  void set_full(bool is_full) { is_full_ = is_full; }
  // "load", "record 2 activities, 1 instance, 0 clusters", "set admin_token", "observe game":
  // failed ones too.
  const std::vector<std::string>& calls() const { return calls_; }
  const std::vector<Activity>& all_activities() const { return activities_; }

 private:
  Expected<void> note(std::string call, bool writes);

  std::vector<Activity> activities_;              // numbers 1, 2, 3 ...
  std::map<std::string, InstanceRow> instances_;  // by id; gone ones included
  std::map<std::string, Batch::ClusterRow> clusters_;
  std::map<std::string, std::string, std::less<>> settings_;
  std::deque<ObservationRow> observations_;  // the newest so many: tests run for simulated weeks
  std::int64_t observed_ = 0;
  std::vector<std::string> calls_;
  int fail_in_ = 0;
  bool is_full_ = false;
};

}  // namespace utakata
