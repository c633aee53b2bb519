// What /proc tells of a process. Every call reads /proc at once (about 5 us a file) and keeps
// nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "fleet/provider/process/descriptor.h"

namespace utakata {

struct ProcessStat {
  char state = '?';
  pid_t parent = 0;
  pid_t session = 0;
  bool is_kernels = false;  // a kernel thread
  // Clock ticks since the host's boot: tells a pid's second owner from its first.
  std::uint64_t started = 0;
};

// None: no such process. One that is dead and only waits to be reaped is there, with state Z.
std::optional<ProcessStat> read_stat(pid_t pid);
bool is_alive(const ProcessStat& stat);

// What the process was given by us, as its environment still says. A program that writes its own
// title over its environment (Redis, nginx) shows nothing here.
struct Marks {
  std::string fleet, instance;
  std::uint16_t port = 0;
};
// None: not marked, or not ours to read. `is_blank`: its environment is empty, as it also is for a
// moment while a process is between two programs (execve): look again before it is called unmarked.
std::optional<Marks> read_marks(pid_t pid, bool* is_blank = nullptr);

std::vector<std::string> read_command(pid_t pid);

// Eight hexadecimal digits of this boot's id; empty where /proc does not say.
std::string boot_mark();

Descriptor open_pidfd(pid_t pid);
bool is_dead(const Descriptor& pidfd);
void send_signal(const Descriptor& pidfd, int number);

// All pids, a few at a time: a host with 10,000 processes is not walked in one go.
class ProcWalk {
 public:
  ProcWalk();
  // Calls `see` for further pids until `budget` is used up. True: that was all of them.
  bool step(Duration budget, const std::function<void(pid_t)>& see);

 private:
  struct Close {
    void operator()(void* folder) const;
  };
  std::unique_ptr<void, Close> folder_;
};

}  // namespace utakata
