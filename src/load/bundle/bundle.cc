#include "load/bundle/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace utakata::load {
namespace {

constexpr std::size_t kNameBytesMax = 3072;    // a path has 4,096, of which the folder takes some
constexpr std::size_t kSegmentBytesMax = 255;  // of a file system

double megabytes(std::size_t bytes) { return double(bytes) / (1024 * 1024); }

struct Size {
  std::size_t bytes = 0;
  std::string name;
};

std::unexpected<Problem> unreadable(const std::string& name) {
  return problem(Problem::Kind::invalid,
                 fmt::format("{} cannot be read, to be sent to agents.", name));
}

Expected<std::vector<Size>> sizes_of(std::vector<std::string> names) {
  std::ranges::sort(names);
  const auto twice = std::ranges::unique(names);
  names.erase(twice.begin(), twice.end());
  std::vector<Size> sizes;
  std::size_t all = 0;
  for (std::string& name : names) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(name, error);
    if (error || !is_bundle_name(name)) return unreadable(name);
    all += bytes;
    sizes.push_back({bytes, std::move(name)});
  }
  if (all <= bundle_bytes_max && sizes.size() <= bundle_files_max) return sizes;
  const Size& largest = *std::ranges::max_element(sizes, {}, &Size::bytes);
  return problem(
      Problem::Kind::invalid,
      fmt::format("the scenario and its imports are {} files of {:.1f} MB; agents are sent {} of "
                  "{:.0f} MB at most. The largest is {}, {:.1f} MB.",
                  sizes.size(), megabytes(all), bundle_files_max, megabytes(bundle_bytes_max),
                  largest.name, megabytes(largest.bytes)));
}

}  // namespace

bool is_bundle_name(std::string_view name) {
  if (name.size() > kNameBytesMax || !name.starts_with('/') ||
      name.find('\0') != std::string_view::npos)
    return false;
  for (name.remove_prefix(1);;) {
    const std::size_t end = name.find('/');
    const std::string_view segment = name.substr(0, end);
    if (segment.empty() || segment == "." || segment == ".." || segment.size() > kSegmentBytesMax)
      return false;
    if (end == name.npos) return true;
    name.remove_prefix(end + 1);
  }
}

Expected<Bundle> read_bundle(std::vector<std::string> names) {
  auto sizes = sizes_of(std::move(names));
  if (!sizes) return std::unexpected(sizes.error());
  Bundle bundle;
  for (Size& one : *sizes) {
    std::ifstream in(one.name, std::ios::binary);
    std::string bytes(one.bytes, '\0');
    if (!in.read(bytes.data(), std::streamsize(one.bytes))) return unreadable(one.name);
    bundle.files.push_back({.name = std::move(one.name), .bytes = std::move(bytes)});
  }
  return bundle;
}

}  // namespace utakata::load
