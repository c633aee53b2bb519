#include "load/workers/worker_process.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace utakata::load {
namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024 * 1024;

}  // namespace

struct WorkerProcess::State {
  explicit State(net::Loop& used_loop) : loop(used_loop) {}
  // One of the process's ends that we read.
  struct Ear {
    uv_pipe_t pipe{};
    std::string kept;  // of a line that is not whole yet
    bool is_open = false;
  };
  struct Write {
    uv_write_t request{};
    std::string line;
  };
  net::Loop& loop;
  Calls calls;
  uv_process_t process{};
  uv_pipe_t orders{};
  std::array<Ear, 3> ears;  // stdout, stderr, and descriptor 3
  std::array<char, 64 * 1024> buffer;
  bool is_listened_to = true, is_running = false, has_orders = false, is_told = false;
  WorkerEnd end{};
  net::Loop::TimerId patience = 0;
  int holders = 6;  // five handles of libuv, and the WorkerProcess

  void read(Ear& ear, std::string_view bytes);
  void close_ear(Ear& ear);
  void close_orders();
  void closed();
  void tell_end();
};

// Lines as they become whole. Whoever hears one may drop us.
void WorkerProcess::State::read(Ear& ear, std::string_view bytes) {
  while (!bytes.empty() && is_listened_to) {
    const std::size_t end = bytes.find('\n');
    ear.kept += bytes.substr(0, end);
    if (end == bytes.npos) {
      if (ear.kept.size() > kLineBytesMax) uv_process_kill(&process, SIGKILL);
      return;
    }
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(ear.kept, {});
    (&ear == &ears[2] ? calls.said : calls.printed)(line);
  }
}

void WorkerProcess::State::closed() {
  if (--holders == 0) delete this;
}

void WorkerProcess::State::close_ear(Ear& ear) {
  if (!std::exchange(ear.is_open, false)) return;
  if (!ear.kept.empty()) read(ear, "\n");
  uv_close(reinterpret_cast<uv_handle_t*>(&ear.pipe),
           [](uv_handle_t* handle) { static_cast<State*>(handle->data)->closed(); });
  tell_end();
}

void WorkerProcess::State::close_orders() {
  if (!std::exchange(has_orders, false)) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&orders),
           [](uv_handle_t* handle) { static_cast<State*>(handle->data)->closed(); });
}

// After the process and all that it said. A grandchild that keeps a pipe open is not waited for.
void WorkerProcess::State::tell_end() {
  const bool says_no_more = std::ranges::none_of(ears, &Ear::is_open);
  if (is_running || !says_no_more || std::exchange(is_told, true)) return;
  loop.cancel(patience);
  if (is_listened_to) calls.ended(end);
}

Expected<std::unique_ptr<WorkerProcess>> WorkerProcess::start(net::Loop& loop,
                                                              const std::vector<std::string>& argv,
                                                              Calls calls) {
  auto* const state = new State(loop);
  std::unique_ptr<WorkerProcess> worker(new WorkerProcess(state));
  state->calls = std::move(calls);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  uv_pipe_init(loop.uv(), &state->orders, 0);
  state->orders.data = state;
  for (State::Ear& ear : state->ears) {
    uv_pipe_init(loop.uv(), &ear.pipe, 0);
    ear.pipe.data = state;
    ear.is_open = true;
  }
  state->has_orders = true;
  state->process.data = state;

  const auto to_us = uv_stdio_flags(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
  std::array<uv_stdio_container_t, 4> stdio{};
  stdio[0].flags = uv_stdio_flags(UV_CREATE_PIPE | UV_READABLE_PIPE);
  stdio[0].data.stream = reinterpret_cast<uv_stream_t*>(&state->orders);
  for (std::size_t k = 0; k < state->ears.size(); ++k) {
    stdio[k + 1].flags = to_us;
    stdio[k + 1].data.stream = reinterpret_cast<uv_stream_t*>(&state->ears[k].pipe);
  }
  uv_process_options_t options{};
  options.file = words[0];
  options.args = words.data();
  options.stdio = stdio.data();
  options.stdio_count = int(stdio.size());
  options.flags = UV_PROCESS_DETACHED;  // Ctrl-C is for its parent, who has it end in good order
  options.exit_cb = [](uv_process_t* process, std::int64_t status, int signal) {
    auto* const of = static_cast<State*>(process->data);
    of->end = {.status = status, .signal = signal};
    of->is_running = false;
    uv_close(reinterpret_cast<uv_handle_t*>(process),
             [](uv_handle_t* handle) { static_cast<State*>(handle->data)->closed(); });
    of->close_orders();
    of->patience = of->loop.after(1s, [of] {
      for (State::Ear& ear : of->ears) of->close_ear(ear);
    });
    of->tell_end();
  };
  const int failed = uv_spawn(loop.uv(), &state->process, &options);
  if (failed != 0) {
    state->is_told = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&state->process),
             [](uv_handle_t* handle) { static_cast<State*>(handle->data)->closed(); });
    return problem(Problem::Kind::unavailable,
                   fmt::format("{} cannot be started: {}.", argv[0], uv_strerror(failed)));
  }
  state->is_running = true;
  for (State::Ear& ear : state->ears)
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(&ear.pipe),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
          auto& shared = static_cast<State*>(handle->data)->buffer;
          *into = uv_buf_init(shared.data(), unsigned(shared.size()));
        },
        [](uv_stream_t* stream, ssize_t got, const uv_buf_t* bytes) {
          auto* const of = static_cast<State*>(stream->data);
          for (State::Ear& ear : of->ears)
            if (reinterpret_cast<uv_stream_t*>(&ear.pipe) == stream) {
              if (got > 0) of->read(ear, {bytes->base, std::size_t(got)});
              if (got < 0) of->close_ear(ear);
            }
        });
  return worker;
}

WorkerProcess::~WorkerProcess() {
  state_->is_listened_to = false;
  state_->is_told = true;
  state_->loop.cancel(state_->patience);
  if (std::exchange(state_->is_running, false)) {  // its end is ours to wait for, it takes a moment
    uv_process_kill(&state_->process, SIGKILL);
    const int pid = state_->process.pid;
    uv_close(reinterpret_cast<uv_handle_t*>(&state_->process),
             [](uv_handle_t* handle) { static_cast<State*>(handle->data)->closed(); });
    waitpid(pid, nullptr, 0);
  }
  state_->close_orders();
  for (State::Ear& ear : state_->ears) state_->close_ear(ear);
  state_->closed();
}

void WorkerProcess::tell(std::string line) {
  if (!state_->has_orders) return;
  auto* const write = new State::Write{.request = {}, .line = std::move(line) + "\n"};
  write->request.data = write;
  uv_buf_t bytes = uv_buf_init(write->line.data(), unsigned(write->line.size()));
  uv_write(&write->request, reinterpret_cast<uv_stream_t*>(&state_->orders), &bytes, 1,
           [](uv_write_t* request, int) { delete static_cast<State::Write*>(request->data); });
}

void WorkerProcess::finish() { state_->close_orders(); }
void WorkerProcess::kill(int signal) {
  if (state_->is_running) uv_process_kill(&state_->process, signal);
}
int WorkerProcess::pid() const { return state_->process.pid; }

}  // namespace utakata::load
