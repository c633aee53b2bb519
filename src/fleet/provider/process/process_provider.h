// Instances as child processes of this host. They outlive us: a later life of the controller adopts
// them.
//
// Each has a session, a log file, a port and, where the host allows, a cgroup of its own. A death
// is heard through a pidfd, an adopted instance's too (without its exit code). Everything an
// instance started dies with it: its cgroup names the tree; without one it is found by session and
// by the marks UTAKATA_INSTANCE and UTAKATA_FLEET in its environment (who leaves the session *and*
// drops those marks, on a host without cgroups, gets away).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fleet/provider/provider.h"
#include "net/loop.h"

namespace utakata {

struct ProcessOptions {
  // The store's: tells our processes from those of another controller on this host.
  std::string fleet_id;
  // Absolute, made where missing; logs/ and installed/ are in it.
  std::string run_folder;
  // What instances are reached at: the address' host, and ${host}.
  std::string advertise = "127.0.0.1";
  // HOST in the instance's environment; empty: not set.
  std::string bind_host;
  std::uint16_t ports_first = 20000, ports_last = 29999;
  // Larger logs are rotated; one older generation is kept.
  std::int64_t log_bytes_max = 32 << 20;
  Duration log_look{5s};
  // Logs of ended instances that are kept: a crash loop must not fill the disk.
  std::size_t ended_logs_max = 200;
  // News of a death waits so long for the search of what else is left of it, where no cgroup names
  // it: a substitute is to be launched within 50 ms, 20 for the search leave 30 for the record. The
  // search itself always goes on to its end.
  Duration search_patience{20ms};
  // False: none are made, as on a host that does not allow them.
  bool cgroups = true;
  // Names of secrets in our environment that instances must not see; UTAKATA_* never reach them.
  std::vector<std::string> hidden_env;
  // Told once, on the loop's thread, of a limit that cannot be enforced.
  std::function<void(std::string_view)> say;
};

class ProcessProvider final : public Provider {
 public:
  ProcessProvider(net::Loop& loop, const Clock& clock, ProcessOptions options);
  // Ends what was not released (its gate closes) and unfinished installs; every other instance
  // lives on.
  ~ProcessProvider() override;

  // `invalid`: no such folder, or `run` or `env` has a reference other than ${port} and ${host}.
  // Blocks about 1 ms. An id whose end was told is forgotten: the caller never gives one twice.
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override;
  void release(const InstanceId& id, const std::string& handle) override;
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override;
  // By its pid: a process of this host, network and user. Who leaves an adopted one's tree gets
  // away: it carries no marks.
  void find_foreign(const ForeignQuery& query,
                    std::function<void(Expected<std::vector<Foreign>>)> done) override;
  // SIGTERM and SIGCONT to the main process's group, and one each to an adopted one's descendants;
  // the rest, and who is left after `grace`, gets SIGKILL. What was not released ends at once. A
  // repeated stop may shorten the grace, never lengthen it.
  Expected<void> stop(const InstanceId& id, Duration grace) override;
  std::vector<ProviderNews> hear() override;
  void on_news(std::function<void()> wake) override;

  // Processes that carry our fleet's mark, but belong to no instance that we have and to none of
  // `known`: of launches whose intent was lost, or of an install that outlived its controller.
  // Walks /proc, about 5 us a process.
  struct Stranger {
    std::string instance;
    std::string handle;
  };
  std::vector<Stranger> strangers(const std::vector<InstanceId>& known = {}) const;
  // Kills them (SIGKILL) and tells which.
  std::vector<Stranger> sweep_unknown(const std::vector<InstanceId>& known);

  std::string log_of(const InstanceId& id) const;  // the file's path, also after its end
  // Empty: `limits: memory` holds. Otherwise a whole sentence that says why not.
  const std::string& memory_limits_problem() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata
