#include "load/bundle/unpacking.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "load/bundle/bundle.h"

namespace utakata::load {
namespace {

// A name is for a sentence: a stranger's may be long, or hold anything.
std::string quoted(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, 200)) text += c >= ' ' && c < 0x7f ? c : '?';
  return "`" + text + "`";
}

}  // namespace

Expected<std::unique_ptr<Unpacking>> Unpacking::in_new_folder() {
  std::error_code error;
  const auto folder =
      std::filesystem::canonical(std::filesystem::temp_directory_path(error), error);
  std::string path = (folder / "utakata-load-XXXXXX").string();
  if (error || mkdtemp(path.data()) == nullptr)
    return problem(Problem::Kind::unavailable,
                   fmt::format("no folder can be made in {}: {}.", folder.string(),
                               error ? error.message() : std::strerror(errno)));
  return std::unique_ptr<Unpacking>(new Unpacking(std::move(path)));
}

Unpacking::~Unpacking() {
  close_file();
  std::error_code ignored;  // what a scenario's own processes still write there stays
  std::filesystem::remove_all(folder_, ignored);
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
  const std::filesystem::path path = folder_ + std::string(name);
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
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
