#include "fleet/provider/process/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>

#include <charconv>
#include <chrono>

namespace utakata {
namespace {

// Environments are at most a few MB (ARG_MAX); more than this of one is not worth a turn of the
// loop.
constexpr std::size_t read_max = 512 * 1024;
constexpr std::uint64_t kernel_thread =
    0x00200000;  // PF_KTHREAD of linux/sched.h, in field 9 of stat

std::optional<std::string> read_whole(const char* path) {
  const Descriptor file{open(path, O_RDONLY | O_CLOEXEC)};
  if (!file) return std::nullopt;
  std::string text;
  for (std::size_t chunk = 4096; text.size() < read_max; chunk = 64 * 1024) {
    const std::size_t before = text.size();
    text.resize(before + chunk);
    const ssize_t got = read(file.get(), text.data() + before, chunk);
    text.resize(before + std::size_t(got > 0 ? got : 0));
    if (got <= 0) break;
  }
  return text;
}

std::optional<std::string> read_of(pid_t pid, const char* name) {
  char path[64];
  *fmt::format_to(path, "/proc/{}/{}", pid, name) = '\0';
  return read_whole(path);
}

template <class Number>
Number number_in(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return parts;
}

// The value of one variable in a block of NUL-ended ones.
std::optional<std::string_view> variable(std::string_view block, std::string_view assigned) {
  for (std::size_t at = block.find(assigned); at != block.npos; at = block.find(assigned, at + 1)) {
    if (at != 0 && block[at - 1] != '\0') continue;
    const auto value = block.substr(at + assigned.size());
    return value.substr(0, value.find('\0'));
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessStat> read_stat(pid_t pid) {
  const auto text = read_of(pid, "stat");
  if (!text) return std::nullopt;
  const auto name_end = text->rfind(')');  // the name may hold blanks and brackets of its own
  if (name_end == text->npos || name_end + 2 >= text->size()) return std::nullopt;
  const auto fields = split(std::string_view(*text).substr(name_end + 2), ' ');
  if (fields.size() < 20) return std::nullopt;
  // proc(5) counts from 1 and the state is field 3: field n stands at n - 3.
  return ProcessStat{.state = fields[0].empty() ? '?' : fields[0][0],
                     .parent = number_in<pid_t>(fields[1]),
                     .session = number_in<pid_t>(fields[3]),
                     .is_kernels = (number_in<std::uint64_t>(fields[6]) & kernel_thread) != 0,
                     .started = number_in<std::uint64_t>(fields[19])};
}

bool is_alive(const ProcessStat& stat) { return stat.state != 'Z' && stat.state != 'X'; }

std::optional<Marks> read_marks(pid_t pid, bool* is_blank) {
  const auto block = read_of(pid, "environ");
  if (is_blank) *is_blank = block && block->empty();
  if (!block) return std::nullopt;
  const auto fleet = variable(*block, "UTAKATA_FLEET=");
  const auto instance = variable(*block, "UTAKATA_INSTANCE=");
  if (!fleet || !instance) return std::nullopt;
  const auto port = variable(*block, "PORT=");
  return Marks{.fleet = std::string(*fleet),
               .instance = std::string(*instance),
               .port = port ? number_in<std::uint16_t>(*port) : std::uint16_t{0}};
}

std::vector<std::string> read_command(pid_t pid) {
  const auto block = read_of(pid, "cmdline").value_or("");
  std::vector<std::string> words;
  for (const auto word : split(block, '\0')) words.emplace_back(word);
  return words;
}

std::string boot_mark() {
  return read_whole("/proc/sys/kernel/random/boot_id").value_or("").substr(0, 8);
}

Descriptor open_pidfd(pid_t pid) { return Descriptor{int(syscall(SYS_pidfd_open, pid, 0))}; }

bool is_dead(const Descriptor& pidfd) {
  pollfd watched{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return poll(&watched, 1, 0) == 1;
}

void send_signal(const Descriptor& pidfd, int number) {
  syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
}

ProcWalk::ProcWalk() : folder_(opendir("/proc")) {}

void ProcWalk::Close::operator()(void* folder) const { closedir(static_cast<DIR*>(folder)); }

bool ProcWalk::step(Duration budget, const std::function<void(pid_t)>& see) {
  if (!folder_) return true;
  const auto until = std::chrono::steady_clock::now() + budget;
  while (const dirent* entry = readdir(static_cast<DIR*>(folder_.get()))) {
    const auto pid = number_in<pid_t>(entry->d_name);
    if (pid <= 0) continue;
    see(pid);
    if (std::chrono::steady_clock::now() >= until) return false;
  }
  return true;
}

}  // namespace utakata
