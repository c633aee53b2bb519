// ProcessProvider: from launch() to release().
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "fleet/model/template.h"
#include "fleet/provider/process/process_state.h"

namespace utakata {
namespace {

Expected<void> check_folder(const LaunchSpec& spec) {
  std::error_code none;
  if (!std::filesystem::is_directory(spec.folder, none))
    return problem(
        Problem::Kind::invalid,
        fmt::format("process: the folder {} of cluster {} does not exist; `app:` names it.",
                    spec.folder, spec.cluster));
  if (access(spec.folder.c_str(), X_OK) != 0)
    return problem(
        Problem::Kind::invalid,
        fmt::format("process: the folder {} of cluster {} may not be entered by this user.",
                    spec.folder, spec.cluster));
  return {};
}

}  // namespace

Expected<void> ProcessProvider::State::launch(const InstanceId& id, const LaunchSpec& spec) {
  if (find(id)) return {};
  if (const auto folder = check_folder(spec); !folder) return folder;
  if (const auto order = order_for(id, spec, 0); !order) return std::unexpected(order.error());
  auto& one = own[id];
  one.spec = spec;
  one.memory_max = spec.limits.memory;
  if (spec.install.empty()) {
    start(id);
    return {};
  }
  const Lookup host_only = [this](std::string_view name) {
    return name == "host" ? std::optional(options.advertise) : std::nullopt;
  };
  auto env = environment_for(id);
  for (const auto& [name, value] :
       spec.env)  // what names the port is left out: an install has none
    if (auto text = expand(value, host_only)) assign(env, name, std::move(*text));
  installs.want(id, spec, env, [this, id](const Expected<void>& outcome) {
    if (outcome) return start(id);
    fail(id, outcome.error());
  });
  return {};
}

Environment ProcessProvider::State::environment_for(const InstanceId& id) const {
  // Ours first: who looks for the marks reads less.
  Environment env{{"UTAKATA_FLEET", options.fleet_id}, {"UTAKATA_INSTANCE", id.text}};
  if (!options.bind_host.empty()) env.emplace_back("HOST", options.bind_host);
  for (const auto& [name, value] : inherited)
    if (name != "HOST" || options.bind_host.empty()) env.emplace_back(name, value);
  return env;
}

Expected<SpawnOrder> ProcessProvider::State::order_for(const InstanceId& id, const LaunchSpec& spec,
                                                       std::uint16_t port) const {
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "port") return std::to_string(port);
    if (name == "host") return options.advertise;
    return std::nullopt;
  };
  const auto named = [&](std::string_view where, const Problem& why) {
    return problem(Problem::Kind::invalid,
                   fmt::format("process: {} of cluster {}: {}", where, spec.cluster, why.what));
  };
  auto run = expand(spec.run, lookup);
  if (!run) return named("`run`", run.error());
  SpawnOrder order{.run = std::move(*run),
                   .folder = spec.folder,
                   .env = environment_for(id),
                   .log = log_of(id),
                   .cgroup = {},
                   .files_max = spec.limits.files};
  assign(order.env, "PORT", std::to_string(port));
  for (const auto& [name, value] : spec.env) {
    auto text = expand(value, lookup);
    if (!text) return named(fmt::format("`env` {}", name), text.error());
    assign(order.env, name, std::move(*text));
  }
  return order;
}

void ProcessProvider::State::start(const InstanceId& id) {
  auto& one = own.at(id);
  const LaunchSpec spec = std::move(one.spec);
  const auto port = ports.take();
  if (!port)
    return fail(id, {Problem::Kind::unavailable,
                     fmt::format("process: every port from {} to {} is in use; widen `api: ports`.",
                                 options.ports_first, options.ports_last),
                     true});
  one.port = *port;
  auto order = order_for(id, spec, *port);
  if (!order) return fail(id, order.error());
  one.cgroup = order->cgroup = cgroups.make(id, spec.limits.memory);
  auto spawned = spawn_gated(*order);
  if (!spawned) return fail(id, spawned.error());
  one.phase = ProcessPhase::gated;
  one.handle = spawned->handle;
  one.pidfd = std::move(spawned->pidfd);
  one.gate = std::move(spawned->gate);
  note_limits(id, spec, spawned->files_clamped);
  watch(id);
  tell({.kind = ProviderNews::Kind::launched,
        .id = id,
        .handle = to_text(one.handle),
        .address = {options.advertise, *port},
        .what = {}});
}

void ProcessProvider::State::note_limits(const InstanceId& id, const LaunchSpec& spec,
                                         std::optional<std::int64_t> clamped) {
  if (spec.limits.memory && !cgroups.why_not().empty()) say_once(said_memory, cgroups.why_not());
  if (clamped)
    say_once(
        said_files,
        fmt::format(
            "process: `limits: files: {}` of cluster {} is more than this host allows; {} has {}.",
            *spec.limits.files, spec.cluster, id.text, *clamped));
}

void ProcessProvider::State::fail(const InstanceId& id, const Problem& why) {
  const auto node = own.extract(id);
  const auto& one = node.mapped();
  if (one.port) ports.give_back(one.port);
  if (!one.cgroup.empty()) Cgroups::remove(one.cgroup);
  tell({.kind = ProviderNews::Kind::launch_failed,
        .id = id,
        .handle = {},
        .address = {},
        .what = why.what,
        .retry = why.retry});
}

void ProcessProvider::State::release(const InstanceId& id, const std::string& handle) {
  auto* const one = find(id);
  if (!one || one->phase != ProcessPhase::gated || one->stop_asked) return;
  if (handle != to_text(one->handle)) return kill_now(*one);
  one->phase = ProcessPhase::running;
  open_gate(one->gate);
  look_for_it_in_its_cgroup(id);
}

// Only a cgroup that was seen to hold it is trusted to name its whole tree. It joins by itself
// before it runs anything, which takes the kernel some 10 ms, more on a busy host: look again a few
// times.
void ProcessProvider::State::look_for_it_in_its_cgroup(const InstanceId& id) {
  auto& one = own.at(id);
  if (one.cgroup.empty()) return;
  one.in_cgroup = Cgroups::holds(one.cgroup, one.handle.pid);
  if (one.in_cgroup) return;
  if (one.cgroup_looks++ < 5) {
    one.cgroup_timer =
        loop.after(one.cgroup_looks * 100ms, [this, id] { look_for_it_in_its_cgroup(id); });
  } else if (one.memory_max) {
    say_once(said_memory, "process: memory limits are not enforced, because " + id.text +
                              " may not join the cgroup " + one.cgroup + ".");
  }
}

}  // namespace utakata
