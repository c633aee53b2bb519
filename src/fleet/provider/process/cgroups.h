// A cgroup for each instance, where the host lets us make one: it limits memory and knows the
// instance's whole tree. Version 1 (memory controller), version 2, both or none; found once, at
// construction. Calls write small files of the kernel's and do not wait.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fleet/model/ids.h"

namespace utakata {

class Cgroups {
 public:
  Cgroups(const std::string& fleet_id, bool is_wanted);
  // Empty: memory limits hold. Otherwise a whole sentence that says why they cannot.
  const std::string& why_not() const { return why_not_; }
  // The folder of the instance's cgroup; empty where there is none to be had. Never a reason not to
  // launch.
  std::string make(const InstanceId& id, std::optional<std::int64_t> memory_max) const;
  std::string folder_of(const InstanceId& id) const;  // as make() named it; empty: no such folder

  static std::vector<pid_t> members(const std::string& folder);  // cgroups below it included
  static bool holds(const std::string& folder, pid_t pid);
  static bool was_out_of_memory(const std::string& folder);
  static bool remove(const std::string& folder);  // false: something is still in it
  // Of earlier lives, this fleet's only. False: an empty one is still busy; again in a moment.
  bool remove_empty() const;

 private:
  bool try_base(const std::string& folder, bool is_v2);
  std::string path_of(const InstanceId& id) const;

  std::string prefix_;  // "utakata-<fleet>-": cgroups of two fleets do not meet
  std::string base_;    // folder they are made in; empty: none
  bool is_v2_ = false;
  std::string why_not_;
};

}  // namespace utakata
