#include "crew.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "draw.h"

namespace utakata {
namespace {

struct Hand {  // a process that lives every jobs-th day
  pid_t pid = -1;
  int pipe = -1;
  std::uint64_t next = 0;  // day
  std::optional<std::uint64_t> begun;
};

[[noreturn]] void work(const CrewOptions& options, std::uint64_t from, int pipe) {
  const std::uint64_t end = options.first + options.count;
  for (std::uint64_t seed = from; seed < end; seed += std::uint64_t(options.jobs)) {
    const SimOptions day = drawn_day(seed);
    if (options.controllers == 1 ? day.controllers > 1 : day.controllers < options.controllers)
      continue;
    const DayReport begun{.seed = seed, .is_begun = true};
    // A report is smaller than PIPE_BUF, so it is written whole.
    if (write(pipe, &begun, sizeof begun) != sizeof begun) break;
    const DayReport report = lived(day, options.promise);
    if (write(pipe, &report, sizeof report) != sizeof report) break;
  }
  _exit(0);
}

void hire(Hand& hand, const CrewOptions& options) {
  int ends[2];
  check(pipe(ends) == 0, "a pipe can be had");
  hand.begun.reset();
  hand.pid = fork();
  check(hand.pid >= 0, "a process can be had");
  if (hand.pid == 0) work(options, hand.next, ends[1]);
  close(ends[1]);
  hand.pipe = ends[0];
}

DayReport crashed(std::uint64_t seed, int status) {
  DayReport report{.seed = seed};
  fmt::format_to_n(report.broken, sizeof report.broken - 1, "a crash: the day ended by signal {}",
                   WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return report;
}

class Crew {
 public:
  explicit Crew(const CrewOptions& options) : options_(options), hands_(std::size_t(options.jobs)) {
    for (std::size_t i = 0; i < hands_.size(); ++i) {
      hands_[i].next = options.first + i;
      if (i < options.count) hire(hands_[i], options);
    }
  }
  ~Crew() {
    for (Hand& hand : hands_)
      if (hand.pipe >= 0) kill(hand.pid, SIGKILL), retire(hand);
  }

  void run() {
    for (;;) {
      std::vector<pollfd> waits;
      for (const Hand& hand : hands_) waits.push_back({hand.pipe, POLLIN, 0});
      if (std::ranges::all_of(hands_, [](const Hand& hand) { return hand.pipe < 0; })) return;
      poll(waits.data(), waits.size(), -1);
      for (std::size_t i = 0; i < hands_.size(); ++i)
        if (waits[i].revents != 0 && !hear(hands_[i])) return;
    }
  }

 private:
  static int retire(Hand& hand) {
    int status = 0;
    close(std::exchange(hand.pipe, -1));
    waitpid(hand.pid, &status, 0);
    return status;
  }
  bool hear(Hand& hand) {
    DayReport report;
    if (read(hand.pipe, &report, sizeof report) == sizeof report) {
      hand.begun = report.is_begun ? std::optional(report.seed) : std::nullopt;
      hand.next = report.seed + std::uint64_t(options_.jobs);
      return report.is_begun || options_.on_day(report);
    }
    const int status = retire(hand);
    if (!hand.begun) return true;
    DayReport report_of_crash = crashed(*hand.begun, status);
    if (!options_.promise.empty()) report_of_crash.broken[0] = 0;  // no checker said it
    if (hand.next < options_.first + options_.count) hire(hand, options_);
    return options_.on_day(report_of_crash);
  }

  const CrewOptions& options_;
  std::vector<Hand> hands_;
};

}  // namespace

DayReport lived(const SimOptions& day, const std::string& promise) {
  DayReport report{.seed = day.seed};
  auto lived = simulate(day);
  check(lived.has_value(), "a drawn stack can be lived");
  const bool steps = std::ranges::any_of(
      day.faults, [](const Fault& fault) { return fault.kind == FaultKind::step_clock; });
  // It costs a day more.
  const bool is_clock_checked = steps && day.seed % 3 == 0 && !goes_by_wall_clock(day);
  if (is_clock_checked) {
    lived->tested["14 clocks"] = 1;
    if (const auto broken = clocks_broken(day, *lived)) lived->broken.push_back(*broken);
  }
  const auto names = promise_names();
  for (std::size_t i = 0; i < names.size(); ++i) report.tested[i] = lived->tested[names[i]];
  report.struck = lived->struck;
  for (const std::string& what : lived->broken) {
    if (!what.starts_with(promise)) continue;
    std::strncpy(report.broken, what.c_str(), sizeof report.broken - 1);
    break;
  }
  return report;
}

void live(const CrewOptions& options) { Crew(options).run(); }

}  // namespace utakata
