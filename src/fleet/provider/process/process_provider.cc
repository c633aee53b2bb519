#include "fleet/provider/process/process_provider.h"

#include <filesystem>
#include <utility>

#include "fleet/provider/process/process_state.h"

namespace utakata {

ProcessProvider::State::State(net::Loop& loop_, const Clock& clock_, ProcessOptions options_)
    : loop(loop_),
      clock(clock_),
      options(std::move(options_)),
      inherited(inherited_environment(options.hidden_env)),
      cgroups(options.fleet_id, options.cgroups),
      ports(options.ports_first, options.ports_last),
      search(loop, options.fleet_id, [this](pid_t pid) { return mains.contains(pid); }),
      endings(loop, search, options.search_patience),
      installs(loop, options.run_folder),
      rotation(options.run_folder + "/logs", options.log_bytes_max, options.log_look) {
  std::error_code
      none;  // a folder that cannot be made fails the launches, with the path in the sentence
  for (const char* folder : {"/logs", "/installed"})
    std::filesystem::create_directories(options.run_folder + folder, none);
  cgroups.remove_empty();
}

ProcessProvider::State::~State() {
  for (auto& [id, one] : own) {
    loop.cancel(one.kill_timer);
    loop.cancel(one.cgroup_timer);
    if (one.pidfd) loop.unwatch(one.pidfd.get());
  }
  loop.cancel(stale_timer);
  for (int tries = 200; !cgroups.remove_empty() && tries > 0; --tries) usleep(1000);
}

// A process that is dead, as its pidfd says, may keep its cgroup busy for another moment.
void ProcessProvider::State::remove_stale_cgroups(int tries) {
  loop.cancel(stale_timer);
  std::erase_if(stale_cgroups, Cgroups::remove);
  if (stale_cgroups.empty() || tries <= 0) return;  // the next end tries again, and the next life
  stale_timer = loop.after(20ms, [this, tries] { remove_stale_cgroups(tries - 1); });
}

OwnProcess* ProcessProvider::State::find(const InstanceId& id) {
  const auto there = own.find(id);
  return there == own.end() ? nullptr : &there->second;
}

std::string ProcessProvider::State::log_of(const InstanceId& id) const {
  return options.run_folder + "/logs/" + file_name(id.text) + ".log";
}

void ProcessProvider::State::keep_log_for_a_while(const InstanceId& id) {
  ended_logs.add(log_of(id));
}

void ProcessProvider::State::say_once(bool& said, const std::string& text) {
  if (!std::exchange(said, true) && options.say) options.say(text);
}

void ProcessProvider::State::tell(ProviderNews one) {
  const bool is_first = news.empty();
  news.push_back(std::move(one));
  if (!is_first) return;
  // Not from within a call: who launches does not expect to be called back before launch() returns.
  loop.post([this, still = std::weak_ptr(alive)] {
    if (!still.expired() && !news.empty() && wake) wake();
  });
}

ProcessProvider::ProcessProvider(net::Loop& loop, const Clock& clock, ProcessOptions options)
    : state_(std::make_unique<State>(loop, clock, std::move(options))) {}
ProcessProvider::~ProcessProvider() = default;

Expected<void> ProcessProvider::launch(const InstanceId& id, const LaunchSpec& spec) {
  return state_->launch(id, spec);
}
void ProcessProvider::release(const InstanceId& id, const std::string& handle) {
  state_->release(id, handle);
}
void ProcessProvider::adopt(const InstanceId& id, const std::string& handle,
                            const Address& address) {
  state_->adopt(id, handle, address);
}
void ProcessProvider::find_foreign(const ForeignQuery& query,
                                   std::function<void(Expected<std::vector<Foreign>>)> done) {
  done(state_->foreign(query));
}
Expected<void> ProcessProvider::stop(const InstanceId& id, Duration grace) {
  return state_->stop(id, grace);
}
std::vector<ProviderNews> ProcessProvider::hear() { return std::exchange(state_->news, {}); }
void ProcessProvider::on_news(std::function<void()> wake) { state_->wake = std::move(wake); }
std::string ProcessProvider::log_of(const InstanceId& id) const { return state_->log_of(id); }
const std::string& ProcessProvider::memory_limits_problem() const {
  return state_->cgroups.why_not();
}

std::vector<ProcessProvider::Stranger> ProcessProvider::strangers(
    const std::vector<InstanceId>& known) const {
  std::vector<Stranger> found;
  for (const auto& [instance, member] : state_->unknown(known))
    found.push_back(
        {instance, to_text(ProcessHandle{member.pid, member.stat.started, boot_mark()})});
  return found;
}

std::vector<ProcessProvider::Stranger> ProcessProvider::sweep_unknown(
    const std::vector<InstanceId>& known) {
  std::vector<Stranger> killed;
  for (const auto& [instance, member] : state_->unknown(known)) {
    if (member.pidfd) send_signal(member.pidfd, SIGKILL);
    killed.push_back(
        {instance, to_text(ProcessHandle{member.pid, member.stat.started, boot_mark()})});
  }
  return killed;
}

}  // namespace utakata
