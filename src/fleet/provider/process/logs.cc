#include "fleet/provider/process/logs.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "fleet/provider/process/descriptor.h"

namespace utakata {
namespace {

std::int64_t size_of(const Descriptor& file) {
  struct stat about{};
  return fstat(file.get(), &about) == 0 ? std::int64_t(about.st_size) : 0;
}

// Copies until the present end, which writers may move while we copy.
bool copy_to_end(const Descriptor& from, const Descriptor& to) {
  for (;;) {
    const ssize_t sent = sendfile(to.get(), from.get(), nullptr, 1 << 20);
    if (sent < 0) return false;
    if (sent == 0) return true;
  }
}

// Length of the valid UTF-8 sequence at the front; 0: none. Logs are any program's bytes, records
// are text.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (length == 3 && ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)))
    return 0;
  if (length == 4 && ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)))
    return 0;
  return length;
}

std::string as_text(std::string_view bytes) {
  std::string out;
  while (!bytes.empty() && out.size() < 197) {
    const auto length = std::max<std::size_t>(utf8_length(bytes), 1);
    const bool is_plain =
        utf8_length(bytes) > 0 && static_cast<unsigned char>(bytes[0]) >= 0x20 && bytes[0] != 0x7f;
    if (is_plain)
      out += bytes.substr(0, length);
    else
      out += bytes[0] == '\t' ? ' ' : '?';
    bytes.remove_prefix(length);
  }
  return out;
}

std::string_view trimmed(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == line.npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

bool speaks_of_an_error(std::string_view line) {
  if (line.find("complete log of this run") != line.npos) return false;  // npm's last word
  constexpr std::string_view words[] = {"Error: ", "error: ", "ERR! ",  "npm error ",
                                        "FATAL",   "fatal: ", "panic: "};
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return line.find(word) != line.npos; });
}

}  // namespace

std::string file_name(std::string_view id) {
  std::string name{id};
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-') c = '_';
  if (name.starts_with('.')) name[0] = '_';
  return name;
}

std::string last_words(const std::string& path) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return {};
  std::string tail(4096, '\0');
  const auto from = std::max<std::int64_t>(0, size_of(file) - std::int64_t(tail.size()));
  tail.resize(std::size_t(std::max<ssize_t>(0, pread(file.get(), tail.data(), tail.size(), from))));
  std::string_view last, error;
  for (std::string_view rest = tail; !rest.empty();) {
    const auto end = rest.find('\n');
    const auto line = trimmed(rest.substr(0, end));
    if (!line.empty()) last = line;
    if (speaks_of_an_error(line)) error = line;
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return as_text(error.empty() ? last : error);
}

bool rotate_log(const std::string& path, std::int64_t bytes_max) {
  const Descriptor from{open(path.c_str(), O_RDWR | O_CLOEXEC)};
  if (!from || size_of(from) <= bytes_max) return false;
  const auto older = path + ".1", copy = path + ".copy";
  unlink(older.c_str());  // first: a full disk has room again
  const Descriptor to{open(copy.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
  const bool copied = to && copy_to_end(from, to);
  if (!copied) unlink(copy.c_str());
  if (!copied && size_of(from) < 2 * bytes_max) return false;
  if (copied) copy_to_end(from, to);  // what came while the copy's end was being noticed
  [[maybe_unused]] const int emptied = ftruncate(from.get(), 0);
  return copied && rename(copy.c_str(), older.c_str()) == 0;
}

void EndedLogs::add(std::string path) {
  paths_.push_back(std::move(path));
  if (paths_.size() <= most_) return;
  for (const char* generation : {"", ".1"}) unlink((paths_.front() + generation).c_str());
  paths_.pop_front();
}

LogRotation::LogRotation(std::string folder, std::int64_t bytes_max, Duration every)
    : folder_(std::move(folder)),
      bytes_max_(bytes_max),
      every_(every),
      thread_([this] { run(); }) {}

LogRotation::~LogRotation() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void LogRotation::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, every_, [this] { return is_over_; })) {
    lock.unlock();
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, none))
      if (entry.path().extension() == ".log") rotate_log(entry.path(), bytes_max_);
    lock.lock();
  }
}

}  // namespace utakata
