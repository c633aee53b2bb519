// The files of an image: the app's folder, and what its program needs to run.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "base/problem.h"

namespace utakata {

struct PackedFile {
  enum class Kind { folder, file, link };
  Kind kind = Kind::file;
  unsigned mode = 0644;
  std::string source{};  // of a file: where it lies here; empty: `text` is what is in it
  std::string text{};    // of a link: what it points to
  std::int64_t bytes = 0;
  timespec modified{};
};
// By their names in the image, without the first slash: "app/server.js". A folder comes before what
// is in it.
using PackedFiles = std::map<std::string, PackedFile>;

// Where the app is in its image: "app".
inline constexpr const char* packed_folder = "app";

// Adds the app's folder, without what its .dockerignore and `left_out` name: absolute paths, each
// of which leaves out whatever begins with it (a store and the files beside it). Sockets and the
// like are passed over. Blocks. `invalid`: no such folder, something in it cannot be read, or a
// link points out of it.
Expected<void> add_app(const std::string& folder, const std::vector<std::string>& left_out,
                       PackedFiles& files);

// "node" of `exec node server.js`, `DEBUG=1 node server.js`. Empty: it begins with no such word.
std::string program_of(const std::string& run);

// Adds the program by which the command begins, /bin/sh, the libraries of both as ldd(1) names
// them, and what libraries look for: certificates, users, name lookup, /tmp. A script's interpreter
// comes with it, a script from outside the folder does not. Blocks, some 10 ms a program.
// `invalid`: there is no such program here, or a library is missing. Answers the folders of
// libraries that are in no usual place, as LD_LIBRARY_PATH has them; mostly empty.
Expected<std::string> add_runtime(const std::string& program, const std::string& folder,
                                  PackedFiles& files);

}  // namespace utakata
