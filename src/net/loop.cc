#include "net/loop.h"

#include <uv.h>

#include <algorithm>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/epoll_set.h"
#include "net/timer_queue.h"

namespace utakata::net {
namespace {

Duration clock_since_epoch(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

struct Signal {
  uv_signal_t handle{};
  std::function<void()> work;
};

struct TurnEnd {
  Loop::TurnEndId id;
  std::function<void()> work;
  bool is_cancelled = false;
};

// libuv has done with them a turn after they were closed.
struct Handles {
  uv_poll_t poll{};
  uv_async_t async{};
  uv_prepare_t prepare{};
  uv_timer_t timer{};
  int open = 4;

  template <typename Do>
  void each(Do&& act) {
    for (uv_handle_t* handle :
         {reinterpret_cast<uv_handle_t*>(&poll), reinterpret_cast<uv_handle_t*>(&async),
          reinterpret_cast<uv_handle_t*>(&prepare), reinterpret_cast<uv_handle_t*>(&timer)})
      act(handle);
  }
  void close() {
    each([this](uv_handle_t* handle) {
      handle->data = this;
      uv_close(handle, [](uv_handle_t* closed) {
        auto* const all = static_cast<Handles*>(closed->data);
        if (--all->open == 0) delete all;
      });
    });
  }
};

}  // namespace

Instant SystemClock::now() const { return Instant{clock_since_epoch(CLOCK_MONOTONIC)}; }

WallTime SystemClock::wall() const {
  return WallTime{
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_since_epoch(CLOCK_REALTIME))};
}

struct Loop::State {
  uv_loop_t own{};
  uv_loop_t& loop;
  Handles& handles = *new Handles;  // deletes itself
  SystemClock clock;
  Instant turn_time{};
  EpollSet set;
  TimerQueue timers;
  std::optional<Instant> armed;   // what uv's own timer waits for
  std::deque<TurnEnd> turn_ends;  // stays put while one of them adds another
  TurnEndId last_turn_end = 0;
  std::vector<std::unique_ptr<Signal>> signals;

  std::mutex mutex;  // guards the two below
  std::vector<std::function<void()>> posts;
  bool is_stopping = false;

  explicit State(uv_loop_t* theirs);
  ~State();
  void serve_posts();
  void arm();
  void end_turn();
};

Loop::State::State(uv_loop_t* theirs) : loop(theirs ? *theirs : own) {
  check(theirs || uv_loop_init(&own) == 0, "libuv makes a loop unless descriptors have run out");
  handles.each([this](uv_handle_t* handle) { handle->data = this; });
  turn_time = clock.now();
  uv_poll_init(&loop, &handles.poll, set.descriptor());
  uv_poll_start(&handles.poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto& state = *static_cast<State*>(handle->data);
    state.turn_time = state.clock.now();
    state.set.serve();
  });
  uv_async_init(&loop, &handles.async, [](uv_async_t* handle) {
    auto& state = *static_cast<State*>(handle->data);
    state.turn_time = state.clock.now();
    state.serve_posts();
  });
  uv_prepare_init(&loop, &handles.prepare);
  uv_prepare_start(&handles.prepare,
                   [](uv_prepare_t* handle) { static_cast<State*>(handle->data)->end_turn(); });
  uv_timer_init(&loop, &handles.timer);
}

Loop::State::~State() {
  for (const auto& signal : signals) uv_close(reinterpret_cast<uv_handle_t*>(&signal->handle), {});
  handles.close();
  if (&loop != &own) return;
  // Handles are closed a turn later; those that others closed on this loop just before, too.
  for (int turn = 0; turn < 100 && uv_loop_alive(&loop); ++turn) uv_run(&loop, UV_RUN_NOWAIT);
  check(uv_loop_close(&loop) == 0,
        "whoever opened a handle on the loop closes it before the loop ends");
}

void Loop::State::serve_posts() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex);
    work.swap(posts);
  }
  for (auto& one : work) one();
}

void Loop::State::arm() {
  const auto next = timers.next();
  if (next == armed) return;
  armed = next;
  if (!next) {
    uv_timer_stop(&handles.timer);
    return;
  }
  uv_update_time(&loop);  // else the wait is counted from the beginning of the turn
  const auto wait = std::max(*next - clock.now(), Duration{0});
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  uv_timer_start(
      &handles.timer,
      [](uv_timer_t* handle) {
        auto& state = *static_cast<State*>(handle->data);
        state.armed.reset();
        state.turn_time = state.clock.now();
        state.timers.run_due(state.turn_time);
      },
      std::uint64_t(ms), 0);
}

void Loop::State::end_turn() {
  for (std::size_t i = 0; i < turn_ends.size(); ++i)
    if (!turn_ends[i].is_cancelled) turn_ends[i].work();
  std::erase_if(turn_ends, [](const TurnEnd& end) { return end.is_cancelled; });
  arm();
}

Loop::Loop() : state_(std::make_unique<State>(nullptr)) {}
Loop::Loop(uv_loop_s* theirs) : state_(std::make_unique<State>(theirs)) {}
Loop::~Loop() = default;

void Loop::run() {
  for (;;) {
    {
      const std::lock_guard lock(state_->mutex);
      if (std::exchange(state_->is_stopping, false)) break;
    }
    uv_run(&state_->loop, UV_RUN_DEFAULT);
  }
  state_->end_turn();  // what the last turn left to be written
}

void Loop::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
  }
  post([this] { uv_stop(&state_->loop); });
}

void Loop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->posts.push_back(std::move(work));
    if (state_->posts.size() > 1) return;  // the loop is already being woken
  }
  uv_async_send(&state_->handles.async);
}

Instant Loop::now() const { return state_->clock.now(); }
Instant Loop::turn_time() const { return state_->turn_time; }

Loop::TimerId Loop::after(Duration delay, std::function<void()> work) {
  return state_->timers.add(now() + delay, 0ns, std::move(work));
}

Loop::TimerId Loop::every(Duration period, std::function<void()> work) {
  check(period > 0ns, "a period is longer than nothing");
  return state_->timers.add(now() + period, period, std::move(work));
}

void Loop::cancel(TimerId id) { state_->timers.cancel(id); }

void Loop::watch(int descriptor, std::uint32_t events, Ready ready) {
  state_->set.watch(descriptor, events, std::move(ready));
}
void Loop::rewatch(int descriptor, std::uint32_t events) {
  state_->set.rewatch(descriptor, events);
}
void Loop::unwatch(int descriptor) { state_->set.unwatch(descriptor); }

Loop::TurnEndId Loop::on_turn_end(std::function<void()> work) {
  state_->turn_ends.push_back({.id = ++state_->last_turn_end, .work = std::move(work)});
  return state_->last_turn_end;
}

void Loop::cancel_turn_end(TurnEndId id) {
  for (auto& end : state_->turn_ends)
    if (end.id == id) end.is_cancelled = true;
}

void Loop::on_signal(int number, std::function<void()> work) {
  auto& signal = *state_->signals.emplace_back(std::make_unique<Signal>());
  signal.work = std::move(work);
  signal.handle.data = &signal;
  check(uv_signal_init(&state_->loop, &signal.handle) == 0, "libuv needs a pipe for signals");
  const int failed = uv_signal_start(
      &signal.handle, [](uv_signal_t* handle, int) { static_cast<Signal*>(handle->data)->work(); },
      number);
  check(failed == 0, "only signals that can be caught are asked for");
}

uv_loop_s* Loop::uv() { return &state_->loop; }

}  // namespace utakata::net
