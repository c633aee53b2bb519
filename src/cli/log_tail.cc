#include "cli/log_tail.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace utakata {
namespace {

constexpr std::uint64_t bytes_max = 1024 * 1024;

std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

std::string LogTail::read_from(std::uint64_t offset) {
  const std::uint64_t size = size_of(path_);
  std::string text(std::min(bytes_max, size > offset ? size - offset : 0), '\0');
  std::ifstream file(path_, std::ios::binary);
  file.seekg(std::streamoff(offset));
  file.read(text.data(), std::streamsize(text.size()));
  text.resize(std::size_t(std::max<std::streamsize>(0, file.gcount())));
  offset_ = offset + text.size();
  return text;
}

std::string LogTail::last(int lines) {
  const std::uint64_t size = size_of(path_);
  const bool is_from_start = size <= bytes_max;
  std::string text = read_from(is_from_start ? 0 : size - bytes_max);
  if (!is_from_start) text.erase(0, text.find('\n') + 1);
  const std::size_t whole = text.rfind('\n') + 1;  // 0 where there is no line end at all
  partial_ = text.substr(whole);
  text.resize(whole);
  std::size_t start = text.size();
  for (int i = 0; i < lines && start > 0; ++i)
    start = start == 1 ? 0 : text.rfind('\n', start - 2) + 1;
  return text.substr(start);
}

std::string LogTail::next() {
  if (size_of(path_) < offset_) offset_ = 0, partial_.clear();
  std::string text = std::exchange(partial_, {}) + read_from(offset_);
  const std::size_t whole = text.rfind('\n') + 1;
  if (whole == 0 && text.size() >= bytes_max)
    return text + "\n";  // a line without end must not fill our memory
  partial_ = text.substr(whole);
  text.resize(whole);
  return text;
}

std::string prefixed(const std::string& lines, const std::string& prefix) {
  std::string out;
  for (std::size_t start = 0; start < lines.size();) {
    std::size_t end = lines.find('\n', start);
    if (end == lines.npos) end = lines.size() - 1;
    out += prefix + lines.substr(start, end - start + 1);
    start = end + 1;
  }
  return out;
}

}  // namespace utakata
