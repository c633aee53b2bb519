// ProcessProvider: instances and strangers of an earlier life of the controller.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

#include "fleet/provider/process/foreign.h"
#include "fleet/provider/process/process_state.h"

namespace utakata {
namespace {

bool is_main(const Member& member) {
  return member.stat.session == member.pid && !waits_at_gate(member.pid);
}

}  // namespace

void ProcessProvider::State::adopt(const InstanceId& id, const std::string& text,
                                   const Address& address) {
  if (const auto* const known = find(id)) {
    // What this life launched itself: it told so when nobody listened.
    const bool is_there =
        known->phase == ProcessPhase::gated || known->phase == ProcessPhase::running;
    if (text.empty() && is_there)
      tell({.kind = ProviderNews::Kind::launched,
            .id = id,
            .handle = to_text(known->handle),
            .address = {options.advertise, known->port},
            .what = {}});
    return;
  }
  auto& one = own[id];
  one.phase = ProcessPhase::searching;
  one.cgroup = cgroups.folder_of(id);
  one.port = address.port;
  if (one.port) ports.keep(one.port);
  if (const auto handle = process_handle_from(text)) {
    Descriptor pidfd =
        open_pidfd(handle->pid);  // first: then whoever has the pid cannot change any more
    if (pidfd && take_over(id, *handle, std::move(pidfd))) return;
    // Its session number may have changed hands while we were away: only marks and the cgroup tell
    // who was left behind.
    return end(id, "ended while nobody watched");
  }
  search_for(id);
}

bool ProcessProvider::State::take_over(const InstanceId& id, const ProcessHandle& handle,
                                       Descriptor pidfd) {
  if (!is_running(handle) || is_dead(pidfd)) return false;
  // Same pid, start and boot: it is the one. Marks of another instance would mean that our record
  // is wrong; no marks at all mean little, since some programs write over their environment.
  if (const auto marks = read_marks(handle.pid);
      marks && (marks->instance != id.text || marks->fleet != options.fleet_id))
    return false;
  auto& one = own.at(id);
  one.is_unmarked = !read_marks(handle.pid);
  one.handle = handle;
  one.pidfd = std::move(pidfd);
  one.phase = ProcessPhase::running;
  one.in_cgroup = !one.cgroup.empty() && Cgroups::holds(one.cgroup, handle.pid);
  watch(id);
  return true;
}

Expected<std::vector<Foreign>> ProcessProvider::State::foreign(const ForeignQuery& query) const {
  if (query.pid == 0)
    return problem(Problem::Kind::invalid,
                   "with `provider: process` instances are processes: name one by --pid, not "
                   "--label");
  const auto found = look_at_foreign(query.pid, query.port);
  if (!found) return std::unexpected(found.error());
  for (const auto& [id, one] : own) {
    if (one.handle.pid > 0 && is_ancestor(one.handle.pid, query.pid))
      return problem(Problem::Kind::conflict,
                     fmt::format("process {} is of {} already", query.pid, id.text));
    if (one.handle.pid > 0 && is_ancestor(query.pid, one.handle.pid))
      return problem(
          Problem::Kind::conflict,
          fmt::format("process {} has started {}: name the server's own", query.pid, id.text));
    if (one.port == found->port)
      return problem(Problem::Kind::conflict,
                     fmt::format("port {} of process {} is that of {}: each instance needs one of "
                                 "its own",
                                 found->port, query.pid, id.text));
  }
  return std::vector<Foreign>{{to_text(found->handle), {options.advertise, found->port}}};
}

void ProcessProvider::State::search_for(const InstanceId& id) {
  search.look_for({.id = id},
                  [this, id](std::vector<Member> members) { found(id, std::move(members)); });
}

void ProcessProvider::State::found(const InstanceId& id, std::vector<Member> members) {
  auto& one = own.at(id);
  if (members.empty()) return end(id, "was never started");
  std::ranges::sort(members, {}, [](const Member& member) { return member.stat.started; });
  const auto main = std::ranges::find_if(members, is_main);
  if (one.stop_asked) return end(id, "stopped");
  // Who still waits at the gate waits for a controller that is no more; whom the main process left
  // behind is not the instance.
  if (main == members.end())
    return end(id, std::ranges::any_of(
                       members, [](const Member& member) { return waits_at_gate(member.pid); })
                       ? "was never started"
                       : "ended while nobody watched");
  const ProcessHandle handle{main->pid, main->stat.started, boot_mark()};
  const std::uint16_t port = main->port;
  if (!take_over(id, handle, std::move(main->pidfd))) return end(id, "ended while nobody watched");
  if (!one.port && port) ports.keep(one.port = port);
  tell({.kind = ProviderNews::Kind::launched,
        .id = id,
        .handle = to_text(handle),
        .address = {options.advertise, one.port},
        .what = {}});
}

std::vector<TreeSearch::Marked> ProcessProvider::State::unknown(
    const std::vector<InstanceId>& known) const {
  auto all = search.all_marked();
  std::erase_if(all, [&](const TreeSearch::Marked& one) {
    const InstanceId id{one.instance};
    return own.contains(id) || installs.runs(one.instance) ||
           std::ranges::find(known, id) != known.end();
  });
  return all;
}

}  // namespace utakata
