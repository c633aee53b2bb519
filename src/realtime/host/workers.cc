#include "realtime/host/workers.h"

#include <sys/epoll.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "realtime/host/link.h"
#include "realtime/host/process.h"

namespace utakata::realtime {

Duration restart_pause(const WorkersSpec& spec, Duration last, Duration lived) {
  if (last == Duration{} || lived >= spec.good_after) return spec.restart_first;
  return std::min(2 * last, spec.restart_most);
}

class Workers::State {
 public:
  State(net::Loop& loop, WorkersSpec spec, Calls calls)
      : loop_(loop), spec_(std::move(spec)), calls_(std::move(calls)), workers_(spec_.count) {}
  ~State();
  Expected<void> start();
  void signal(int number);
  void kill(std::size_t index, Duration grace);
  std::vector<int> pids() const;
  void stop(Duration grace, std::function<void()> gone);

 private:
  //       start              dies
  //  ---> running ---------------------> pausing ---> running ...
  //          +--- dies, we are stopping ---> gone
  struct Worker {
    WorkerProcess process{};  // its pidfd is empty: it does not run
    Instant since{};
    Duration pause{};  // the last; zero: none was needed
    net::Loop::TimerId restart = 0, doom = 0;
  };
  Expected<net::Descriptor> launch(std::size_t index);  // our end of its link
  void relaunch(std::size_t index);
  void died(std::size_t index);
  void pause(std::size_t index, Duration lived);
  void end_all();
  void check_gone();

  net::Loop& loop_;
  const WorkersSpec spec_;
  const Calls calls_;
  std::vector<Worker> workers_;
  bool is_stopping_ = false;
  std::function<void()> gone_;
  net::Loop::TimerId grace_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what posts hold weakly
};

Workers::State::~State() {
  end_all();
  loop_.cancel(grace_);
}

void Workers::State::end_all() {
  for (Worker& worker : workers_) {
    loop_.cancel(worker.restart);
    loop_.cancel(worker.doom);
    send_signal(worker.process, SIGKILL);
  }
  for (Worker& worker : workers_) {
    if (!worker.process.pidfd) continue;
    loop_.unwatch(worker.process.pidfd.get());
    reap(worker.process);
    worker.process = {};
  }
}

Expected<void> Workers::State::start() {
  for (std::size_t index = 0; index < workers_.size(); ++index) {
    auto ours = launch(index);
    if (!ours) {
      end_all();
      return std::unexpected(std::move(ours.error()));
    }
    auto link = std::make_shared<net::Descriptor>(std::move(*ours));
    loop_.post(
        [this, index, link, pid = workers_[index].process.pid, alive = std::weak_ptr(alive_)] {
          if (alive.expired() || workers_[index].process.pid != pid) return;  // it is dead already
          calls_.joined(index, std::move(*link));
        });
  }
  return {};
}

Expected<net::Descriptor> Workers::State::launch(std::size_t index) {
  auto ends = make_link_ends();
  if (!ends) return std::unexpected(std::move(ends.error()));
  auto process = start_process(spec_.argv(index, link_in_child), ends->second);
  if (!process) return std::unexpected(std::move(process.error()));
  Worker& worker = workers_[index];
  worker.process = std::move(*process);
  worker.since = loop_.now();
  loop_.watch(worker.process.pidfd.get(), EPOLLIN, [this, index](std::uint32_t) { died(index); });
  return std::move(ends->first);
}

// Told at once: who still has the link of the life before drops it before it can speak of this one.
void Workers::State::relaunch(std::size_t index) {
  if (is_stopping_) return;
  auto link = launch(index);
  if (link)
    calls_.joined(index, std::move(*link));
  else
    pause(index, Duration{});
}

void Workers::State::died(std::size_t index) {
  Worker& worker = workers_[index];
  loop_.unwatch(worker.process.pidfd.get());
  loop_.cancel(worker.doom);
  const std::string how = reap(worker.process);
  worker.process = {};
  if (!is_stopping_) pause(index, loop_.now() - worker.since);
  calls_.died(index, how);
  check_gone();
}

void Workers::State::pause(std::size_t index, Duration lived) {
  Worker& worker = workers_[index];
  worker.pause = restart_pause(spec_, worker.pause, lived);
  worker.restart = loop_.after(worker.pause, [this, index] { relaunch(index); });
}

void Workers::State::signal(int number) {
  for (const Worker& worker : workers_) send_signal(worker.process, number);
}

void Workers::State::kill(std::size_t index, Duration grace) {
  Worker& worker = workers_[index];
  if (grace <= Duration{}) return send_signal(worker.process, SIGKILL);
  loop_.cancel(worker.doom);
  if (worker.process.pidfd)
    worker.doom = loop_.after(grace, [&worker] { send_signal(worker.process, SIGKILL); });
}

std::vector<int> Workers::State::pids() const {
  std::vector<int> pids;
  for (const Worker& worker : workers_) pids.push_back(worker.process.pid);
  return pids;
}

void Workers::State::stop(Duration grace, std::function<void()> gone) {
  is_stopping_ = true;
  gone_ = std::move(gone);
  for (const Worker& worker : workers_) loop_.cancel(worker.restart);
  signal(SIGCONT);  // one that is stopped would not hear of the other
  signal(SIGTERM);
  loop_.cancel(grace_);
  grace_ = loop_.after(grace, [this] { signal(SIGKILL); });
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) check_gone();
  });
}

void Workers::State::check_gone() {
  if (!gone_ || std::ranges::any_of(workers_, [](const Worker& one) { return one.process.pid; }))
    return;
  loop_.cancel(grace_);
  std::exchange(gone_, nullptr)();
}

Workers::Workers(net::Loop& loop, WorkersSpec spec, Calls calls)
    : state_(std::make_unique<State>(loop, std::move(spec), std::move(calls))) {}
Workers::~Workers() = default;

Expected<void> Workers::start() { return state_->start(); }
void Workers::signal(int number) { state_->signal(number); }
void Workers::kill(std::size_t index, Duration grace) { state_->kill(index, grace); }
std::vector<int> Workers::pids() const { return state_->pids(); }
void Workers::stop(Duration grace, std::function<void()> gone) {
  state_->stop(grace, std::move(gone));
}

}  // namespace utakata::realtime
