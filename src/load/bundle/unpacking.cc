#include "load/bundle/unpacking.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

#include "load/bundle/bundle.h"

namespace utakata::load {
namespace {

namespace fs = std::filesystem;

// A name is for a sentence: a stranger's may be long, or hold anything.
std::string quoted(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, 200)) text += c >= ' ' && c < 0x7f ? c : '?';
  return "`" + text + "`";
}

constexpr std::string_view kPrefix = "utakata-agent-";
constexpr std::time_t kFresh = 10;  // seconds

// -1: it is somebody's who lives, or not ours.
int lock_of(const std::string& folder) {
  const int lock = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  close(lock);
  return -1;
}

// Folders of those who were killed. One that was made a moment ago has no lock yet: let it be.
void sweep(const fs::path& temporary) {
  std::error_code error;
  for (const auto& one : fs::directory_iterator(temporary, error)) {
    struct stat found{};
    const std::string path = one.path().string();
    if (!one.path().filename().string().starts_with(kPrefix) || lstat(path.c_str(), &found) != 0 ||
        !S_ISDIR(found.st_mode) || found.st_uid != geteuid() ||
        std::time(nullptr) - found.st_mtime < kFresh)
      continue;
    const int lock = lock_of(path);
    if (lock < 0) continue;
    std::error_code ignored;
    fs::remove_all(path, ignored);
    close(lock);
  }
}

}  // namespace

Expected<std::unique_ptr<Unpacking>> Unpacking::in_new_folder() {
  std::error_code error;
  const auto temporary = fs::canonical(fs::temp_directory_path(error), error);
  if (!error) sweep(temporary);
  std::string path = (temporary / (std::string(kPrefix) + "XXXXXX")).string();
  const bool is_made = !error && mkdtemp(path.data()) != nullptr;
  const int lock = is_made ? lock_of(path) : -1;
  if (lock < 0)
    return problem(Problem::Kind::unavailable,
                   fmt::format("no folder can be made in {}: {}.", temporary.string(),
                               error ? error.message() : std::strerror(errno)));
  return std::unique_ptr<Unpacking>(new Unpacking(std::move(path), lock));
}

Unpacking::~Unpacking() {
  close_file();
  std::error_code ignored;  // what a scenario's own processes still write there stays
  fs::remove_all(folder_, ignored);
  close(lock_);
}

void Unpacking::close_file() {
  if (file_ >= 0) close(std::exchange(file_, -1));
}

std::unexpected<Problem> Unpacking::fail(Problem::Kind kind, std::string what) {
  has_failed_ = true;
  close_file();
  return problem(kind, std::move(what));
}

Expected<void> Unpacking::begin(std::string_view name, std::int64_t bytes) {
  if (has_failed_) return fail(Problem::Kind::invalid, "an earlier file could not be unpacked.");
  if (!is_whole()) return fail(Problem::Kind::invalid, "the file before it is not whole.");
  if (!is_bundle_name(name))
    return fail(Problem::Kind::invalid,
                fmt::format("{} is no name of a file to unpack.", quoted(name)));
  if (bytes < 0 || std::size_t(bytes) > bundle_bytes_max - bytes_ || files_ >= bundle_files_max)
    return fail(Problem::Kind::invalid,
                fmt::format("{} is too much to unpack beside the others.", quoted(name)));
  bytes_ += std::size_t(bytes);
  ++files_;
  const fs::path path = folder_ + std::string(name);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  close_file();
  if (!error)
    file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0) {
    const bool is_there = !error && errno == EEXIST;
    return fail(is_there ? Problem::Kind::invalid : Problem::Kind::unavailable,
                fmt::format("{} cannot be unpacked: {}.", quoted(name),
                            error ? error.message() : std::strerror(errno)));
  }
  left_ = std::size_t(bytes);
  return {};
}

Expected<void> Unpacking::add(std::string_view piece) {
  if (has_failed_ || piece.size() > left_)
    return fail(Problem::Kind::invalid, "more bytes came than the file was to have.");
  while (!piece.empty()) {
    const auto written = write(file_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      return fail(Problem::Kind::unavailable,
                  fmt::format("a file cannot be unpacked: {}.", std::strerror(errno)));
    piece.remove_prefix(std::size_t(written));
    left_ -= std::size_t(written);
  }
  return {};
}

}  // namespace utakata::load
