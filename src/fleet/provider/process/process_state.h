// The inside of ProcessProvider, shared by its .cc files only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fleet/provider/process/cgroups.h"
#include "fleet/provider/process/endings.h"
#include "fleet/provider/process/installs.h"
#include "fleet/provider/process/logs.h"
#include "fleet/provider/process/ports.h"
#include "fleet/provider/process/process_provider.h"
#include "fleet/provider/process/search.h"
#include "fleet/provider/process/spawn.h"

namespace utakata {

//   launch                      release         main process dead              nothing left
//  --------> installing -> gated -------> running -----------------> ending --------------->
//  (forgotten)
//   adopt                                   ^                          ^
//  --------> searching ----- found ---------+                          |
//                |                                   not found         |
//                +-----------------------------------------------------+
enum class ProcessPhase : std::uint8_t { installing, gated, running, searching, ending };

struct OwnProcess {
  ProcessPhase phase = ProcessPhase::installing;
  LaunchSpec spec;  // of installing
  ProcessHandle handle;
  Descriptor pidfd;
  Descriptor gate;
  std::uint16_t port = 0;
  std::string cgroup;
  // Without marks that can be read, as one that was adopted: its descendants, before it ends.
  bool is_unmarked = false;
  std::vector<Descriptor> descendants;
  bool in_cgroup = false;  // seen there: it holds the whole tree
  std::optional<std::int64_t> memory_max;
  bool stop_asked = false;
  bool kill_sent = false;  // the grace is over
  Instant kill_at{};
  net::Loop::TimerId kill_timer = 0;
  net::Loop::TimerId cgroup_timer = 0;
  int cgroup_looks = 0;
  std::string end_text;  // of ending
};

struct ProcessProvider::State {
  State(net::Loop& loop, const Clock& clock, ProcessOptions options);
  ~State();

  // launching.cc
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec);
  Environment environment_for(const InstanceId& id) const;
  void start(const InstanceId& id);
  Expected<SpawnOrder> order_for(const InstanceId& id, const LaunchSpec& spec,
                                 std::uint16_t port) const;
  void fail(const InstanceId& id, const Problem& why);
  void release(const InstanceId& id, const std::string& handle);
  void look_for_it_in_its_cgroup(const InstanceId& id);
  void note_limits(const InstanceId& id, const LaunchSpec& spec,
                   std::optional<std::int64_t> clamped);

  // adopting.cc
  void adopt(const InstanceId& id, const std::string& text, const Address& address);
  bool take_over(const InstanceId& id, const ProcessHandle& handle, Descriptor pidfd);
  Expected<std::vector<Foreign>> foreign(const ForeignQuery& query) const;
  void search_for(const InstanceId& id);
  void found(const InstanceId& id, std::vector<Member> members);
  std::vector<TreeSearch::Marked> unknown(const std::vector<InstanceId>& known) const;

  // stopping.cc
  Expected<void> stop(const InstanceId& id, Duration grace);
  void terminate(const InstanceId& id, OwnProcess& own, Duration grace);
  void kill_now(OwnProcess& own);
  static void note_descendants(OwnProcess& own);
  void watch(const InstanceId& id);
  void main_died(InstanceId id);  // by value: unwatching ends the closure that holds it
  std::string end_of(const InstanceId& id, OwnProcess& own,
                     const std::optional<siginfo_t>& info) const;
  void end(const InstanceId& id, std::string text);

  void remove_stale_cgroups(int tries);
  void keep_log_for_a_while(const InstanceId& id);
  void tell(ProviderNews news);
  OwnProcess* find(const InstanceId& id);
  std::string log_of(const InstanceId& id) const;
  void say_once(bool& said, const std::string& text);

  net::Loop& loop;
  const Clock& clock;
  ProcessOptions options;
  Environment inherited;
  Cgroups cgroups;
  PortRange ports;
  std::unordered_map<InstanceId, OwnProcess> own;
  std::unordered_map<pid_t, InstanceId> mains;  // living ones
  TreeSearch search;
  Endings endings;
  Installs installs;
  LogRotation rotation;
  std::vector<ProviderNews> news;
  std::function<void()> wake;
  std::vector<std::string> stale_cgroups;  // could not be removed yet
  net::Loop::TimerId stale_timer = 0;
  EndedLogs ended_logs{options.ended_logs_max};
  bool said_memory = false, said_files = false;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

}  // namespace utakata
