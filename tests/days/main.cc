// Made-up days by the thousand, each a stack, a crowd and faults drawn from its seed. Exit code 1:
// a promise was broken, or was put to the test too seldom.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "crew.h"
#include "replay.h"

namespace {

using namespace utakata;

struct Options {
  CrewOptions crew{.count = 10'000};
  double seconds = 0;
  std::uint64_t replayed = 0;
  bool is_coverage_asserted = false;
};

class Run {
 public:
  explicit Run(Options options, const char* program)
      : options_(std::move(options)), program_(program) {}

  int run() {
    options_.crew.on_day = [this](const DayReport& day) { return take(day); };
    live(options_.crew);
    if (isatty(STDERR_FILENO)) fmt::print(stderr, "\r{:40}\r", "");
    const double took = seconds();
    fmt::print("{} made-up days from seed {} in {:.0f} s, {} with a broken promise\n",
               tally_.days(), options_.crew.first, took, tally_.broken());
    if (!options_.crew.promise.empty()) return tally_.broken() > 0 ? 1 : 0;
    fmt::print("{}", tally_.table());
    bool is_well = tally_.broken() == 0;
    for (const std::string& what : tally_.missing()) {
      fmt::print("{}{}\n", options_.is_coverage_asserted ? "too seldom: " : "seldom: ", what);
      is_well &= !options_.is_coverage_asserted;
    }
    return is_well ? 0 : 1;
  }

 private:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  }
  bool take(const DayReport& day) {
    tally_.add(day);
    if (day.broken[0] != 0 && tally_.broken() <= 20)
      fmt::print("{}seed {}: {}\n  again, and with the fewest faults: {} --replay {}\n",
                 isatty(STDERR_FILENO) ? "\r" : "", day.seed, day.broken, program_, day.seed);
    if (tally_.days() % 100 == 0 && isatty(STDERR_FILENO))
      fmt::print(stderr, "\r{} days, {} broken ", tally_.days(), tally_.broken());
    if (!options_.crew.promise.empty() && tally_.broken() > 0) return false;
    return options_.seconds <= 0 || seconds() < options_.seconds;
  }

  Options options_;
  const char* program_;
  Tally tally_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

int main(int count, char** words) {
  CLI::App program{"made-up days: every promise under every fault"};
  Options options;
  options.crew.jobs = int(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  program.add_option("--first", options.crew.first, "the first seed");
  program.add_option("--days", options.crew.count, "how many seeds");
  program.add_option("--seconds", options.seconds, "stop after so long, whatever is left");
  program.add_option("--jobs", options.crew.jobs, "processes")->check(CLI::PositiveNumber);
  program.add_option("--until", options.crew.promise,
                     "stop at the first that breaks this promise, such as `7 brake`");
  program.add_option("--controllers", options.crew.controllers,
                     "only days with so many controllers (2: or more)");
  program.add_option("--replay", options.replayed, "one seed at length, and its fewest faults");
  program.add_flag("--coverage", options.is_coverage_asserted,
                   "fail where something is put to the test too seldom");
  CLI11_PARSE(program, count, words);
  if (options.replayed > 0) return replay(options.replayed) ? 0 : 1;
  return Run(std::move(options), words[0]).run();
}
