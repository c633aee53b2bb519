// An app as the tar that an image is imported from: `docker import`, no registry and no base image.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/provider/docker/pack/files.h"

namespace utakata {

struct PackSpec {
  std::string folder;                 // the app's, absolute
  std::string run;                    // its first word is the program
  std::vector<std::string> left_out;  // files.h
  // Where `folder` is this one, the stack file's, it is packed only if a word of `run` names
  // something in it: `redis-server --port 1` needs nothing of what happens to lie there.
  std::string stack_folder{};
};

struct Pack {
  PackedFiles files;
  std::string library_path;  // files.h
  std::int64_t bytes = 0;    // of all files
};

// Looks at names and sizes only. Blocks, some 50 ms. Problems as in files.h.
Expected<Pack> pack_of(const PackSpec& spec);

// True: give up, with the Problem `unavailable`.
using GiveUp = std::function<bool()>;

// 16 hexadecimal digits over all names, modes and bytes; times and owners do not count. The same on
// every machine. Blocks: reads all of it, about a second a gigabyte. `invalid`: a file cannot be
// read.
Expected<std::string> content_of(const Pack& pack, const GiveUp& give_up = {});

// Writes it as a tar (POSIX pax, everything root's) to that descriptor, and answers the content of
// what it wrote, which tells whether a file has changed meanwhile. Blocks. `unavailable`: the disk
// is full, or the like.
Expected<std::string> write_tar(const Pack& pack, int descriptor, const GiveUp& give_up = {});

// Images of ours: "utakata.local/STACK-4f5e6a7b:CONTENT". No registry has that name; the digits are
// of the folder and the program, and shared by the clusters that are packed alike.
std::string packed_image(const std::string& stack, const PackSpec& spec,
                         const std::string& content);
bool is_packed_image(const std::string& image);

}  // namespace utakata
