// What a scenario needs in order to run on another host: its files, each under the absolute path
// that it has here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace utakata::load {

struct BundleFile {
  std::string name;  // "/home/me/votes.mjs"
  std::string bytes;
};
struct Bundle {
  std::vector<BundleFile> files;
};

// In all. A scenario with its packages has a few megabytes; the rest is room for data.
inline constexpr std::size_t bundle_bytes_max = 64 * 1024 * 1024, bundle_files_max = 20'000;

// Absolute, and leads nowhere else: no segment is empty, "." or "..", or longer than a file's name
// may be.
bool is_bundle_name(std::string_view name);

// Reads those files; one that is named twice is read once. Blocks. Problem: `invalid`: one cannot
// be read, or they are too many or too large; the sentence names the largest.
Expected<Bundle> read_bundle(std::vector<std::string> names);

}  // namespace utakata::load
