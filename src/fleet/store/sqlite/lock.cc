#include "fleet/store/sqlite/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/text.h"

namespace utakata::sqlite {
namespace {

std::string lock_read(int file) {  // "812 2026-11-22T02:14:33.120Z\n", as its holder wrote it
  char bytes[128];
  const auto size = ::pread(file, bytes, sizeof bytes, 0);
  std::string text(bytes, size > 0 ? std::size_t(size) : 0);
  return text.substr(0, text.find('\n'));
}

bool lock_holder_lives(const std::string& text) {
  int pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || pid <= 0) return true;
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(stat, line)) return false;
  const auto name_end = line.rfind(')');  // the name may hold anything, the state follows it
  return name_end == line.npos || line.substr(name_end).find(") Z") != 0;
}

}  // namespace

Expected<std::unique_ptr<FileLock>> FileLock::take(const std::string& path) {
  const std::string name = path + ".lock";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0)
    return problem(
        Problem::Kind::refused,
        fmt::format("store {}: {} cannot be made: {}; check the folder and who may write in it",
                    path, name, std::strerror(errno)));
  std::unique_ptr<FileLock> lock(new FileLock(file));
  for (int attempt = 0; ::flock(file, LOCK_EX | LOCK_NB) != 0; ++attempt) {
    const std::string holder = lock_read(file);
    // A fork shares the lock until it execs or ends; a killed controller's children do so within
    // milliseconds.
    if (attempt < 100 && !lock_holder_lives(holder)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      continue;
    }
    const auto space = holder.find(' ');
    return problem(
        Problem::Kind::conflict,
        fmt::format(
            "store {} is held by process {} since {}: end that one first, or name another store",
            path, space == holder.npos ? "unknown" : holder.substr(0, space),
            space == holder.npos ? "just now" : holder.substr(space + 1)));
  }
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::string claim = fmt::format("{} {}\n", ::getpid(), to_text(WallTime{now}));
  // On a full disk the claim stays unreadable, and the lock holds all the same.
  if (::ftruncate(file, 0) == 0) (void)!::pwrite(file, claim.data(), claim.size(), 0);
  return lock;
}

FileLock::~FileLock() { ::close(file_); }

}  // namespace utakata::sqlite
