// One run of a command of the user's, for what it prints or whether it succeeds. Never blocks the
// loop: a pipe is read as it fills, a deadline ends it.
#pragma once

#include <functional>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "net/descriptor.h"
#include "net/loop.h"

namespace utakata {

struct CommandOrder {
  std::string line;    // through /bin/sh -c, in a process group of its own
  std::string folder;  // absolute
  Duration deadline{4s};
  std::string called{};  // in problems; empty: the line
  std::size_t bytes_max = 1 << 20;
};

class Command {
 public:
  using Done = std::function<void(Expected<std::string>)>;
  // Blocks until the exec, about 1 ms. `done` is called once, later and on the loop's thread, with
  // what was printed to stdout (`bytes_max`); it may destroy us. Problems, with the last line of
  // stderr, else of stdout: `timed_out`, `refused` (it failed, or printed more), `unavailable` (not
  // started).
  Command(net::Loop& loop, const CommandOrder& order, Done done);
  ~Command();  // ends the command and all it started, without `done`
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

 private:
  Expected<void> start(const CommandOrder& order);
  bool drain(net::Descriptor& pipe, std::string& into);  // false: there is no more to come
  void read(net::Descriptor& pipe, std::string& into);
  void ended();
  void finish(Expected<std::string> result);
  void release();

  net::Loop& loop_;
  const std::string line_;  // what it is called
  const std::size_t bytes_max_;
  Done done_;
  int pid_ = 0;
  net::Descriptor pidfd_, out_, err_;
  std::string said_, complained_;
  net::Loop::TimerId deadline_ = 0;
};

}  // namespace utakata
