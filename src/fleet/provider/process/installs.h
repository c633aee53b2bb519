// Runs a version's `install` once before its first instance. What succeeded is remembered in a
// folder of the run, so that a restart of the controller does not install again under running
// instances; what failed is tried at the next launch.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/ids.h"
#include "fleet/provider/process/spawn.h"
#include "fleet/provider/provider.h"
#include "net/loop.h"

namespace utakata {

class Installs {
 public:
  // `folder`: installed/ and logs/ are in it.
  Installs(net::Loop& loop, std::string folder);
  ~Installs();  // ends those that still run: nobody would know what came of them

  using Done = std::function<void(Expected<void>)>;
  // `done` is called once: at once where the version is installed, otherwise when its install has
  // ended.
  void want(const InstanceId& id, const LaunchSpec& spec, const Environment& env, Done done);
  // The launch is not wanted any more; `done` is not called. An install that nobody waits for is
  // ended.
  void forget(const InstanceId& id);
  // The mark that an install's processes carry as UTAKATA_INSTANCE.
  static std::string mark_of(const LaunchSpec& spec);
  bool runs(const std::string& mark) const { return running_.contains(mark); }

 private:
  struct Waiting {
    InstanceId id;
    Done done;
  };
  struct Install {
    Spawned process;
    std::string command, log;
    std::vector<Waiting> waiting;
  };
  void start(const std::string& mark, const LaunchSpec& spec, const Environment& env,
             Waiting first);
  void ended(std::string mark);
  std::string marker_of(const std::string& mark) const;

  net::Loop& loop_;
  std::string folder_;
  std::map<std::string, Install> running_;
};

}  // namespace utakata
