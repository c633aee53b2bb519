#include "fleet/provider/docker/pack/ignore.h"

#include <fnmatch.h>

#include <algorithm>
#include <span>

namespace utakata {
namespace {

using Segments = std::span<const std::string>;

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> all;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    if (!segment.empty() && segment != ".") all.emplace_back(segment);
    path.remove_prefix(std::min(path.size(), end + 1));
  }
  return all;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The whole pattern, and the whole path or a folder above it.
bool fits(Segments pattern, Segments path) {
  if (pattern.empty()) return true;
  if (pattern[0] == "**") {
    for (std::size_t skipped = 0; skipped <= path.size(); ++skipped)
      if (fits(pattern.subspan(1), path.subspan(skipped))) return true;
    return false;
  }
  return !path.empty() && fnmatch(pattern[0].c_str(), path[0].c_str(), 0) == 0 &&
         fits(pattern.subspan(1), path.subspan(1));
}

}  // namespace

Ignore::Ignore(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.empty() || line.starts_with('#')) continue;
    const bool takes_back = line.starts_with('!');
    if (takes_back) line.remove_prefix(1);
    auto segments = segments_of(line);
    if (segments.empty()) continue;
    has_exceptions_ |= takes_back;
    patterns_.push_back({std::move(segments), takes_back});
  }
}

bool Ignore::leaves_out(std::string_view path) const {
  const auto segments = segments_of(path);
  if (path == ".dockerignore" || std::ranges::find(segments, ".git") != segments.end()) return true;
  bool is_out = false;
  for (const Pattern& pattern : patterns_)
    if (fits(pattern.segments, segments)) is_out = !pattern.takes_back;
  return is_out;
}

}  // namespace utakata
