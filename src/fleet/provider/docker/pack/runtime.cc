// What an app's program needs to run in an image that has nothing else.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "fleet/provider/docker/pack/files.h"

namespace utakata {
namespace {

namespace fs = std::filesystem;
using Kind = PackedFile::Kind;

std::unexpected<Problem> cannot(const std::string& what) {
  return problem(Problem::Kind::invalid, "docker: " + what);
}

bool is_program(const fs::path& path) {
  std::error_code none;
  return fs::is_regular_file(path, none) && access(path.c_str(), X_OK) == 0;
}

std::string found_in_path(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto here = fs::path(folder) / program; here.is_absolute() && is_program(here))
      return here.string();
  return {};
}

// "/usr/bin/env", "node" of "#!/usr/bin/env node". Empty: no script.
std::vector<std::string> interpreter_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (file.get() != '#' || file.get() != '!' || !std::getline(file, line)) return {};
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

std::string printed_by(const std::string& command) {
  std::string text;
  std::FILE* const pipe = popen(command.c_str(), "re");
  std::array<char, 4096> piece;
  while (const std::size_t size = pipe ? std::fread(piece.data(), 1, piece.size(), pipe) : 0)
    text.append(piece.data(), size);
  if (pipe) pclose(pipe);
  return text;
}

std::string shell_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// Debian and others have /bin as a link to usr/bin, and so has the image.
std::string name_of(std::string path) {
  for (const char* merged : {"/bin/", "/sbin/", "/lib/", "/lib64/"})
    if (path.starts_with(merged)) path.insert(0, "/usr");
  return path.substr(1);
}

class Runtime {
 public:
  Runtime(std::string folder, PackedFiles& files) : folder_(std::move(folder)), files_(files) {}

  Expected<std::string> add(const std::string& program) {
    for (const std::string& one : {std::string("/bin/sh"), program})
      if (const auto added = add_program(one); !added) return std::unexpected(added.error());
    add_surroundings();
    return library_path();
  }

 private:
  Expected<void> add_program(const std::string& word) {
    const bool is_in_app = word.find('/') != word.npos && !word.starts_with('/');
    const std::string path = is_in_app                     ? folder_ + "/" + word
                             : word.find('/') != word.npos ? word
                                                           : found_in_path(word);
    if (path.empty() || !is_program(path))
      return cannot(fmt::format(
          "there is no program {} on this machine to pack with the app: let `run` begin with one, "
          "as in `node server.js`, or name an `image`.",
          word));
    if (const auto words = interpreter_of(path); !words.empty()) {
      if (is_in_app) return add_interpreter(words);
      return cannot(
          fmt::format("{} is a script, which needs more than can be packed: let `run` begin with "
                      "the program itself, as in `node server.js`, or name an `image`.",
                      path));
    }
    if (!is_in_app) add_binary(path, word);
    return add_libraries(path);
  }

  Expected<void> add_interpreter(const std::vector<std::string>& words) {
    if (auto added = add_program(words[0]); !added) return added;
    if (!words[0].ends_with("/env")) return {};
    const auto named = std::ranges::find_if(words.begin() + 1, words.end(), [](const auto& word) {
      return !word.starts_with('-') && word.find('=') == word.npos;
    });
    return named == words.end() ? Expected<void>{} : add_program(*named);
  }

  // Where it really lies, for it may look for its own files beside itself, and a link where it is
  // looked for.
  void add_binary(const std::string& path, const std::string& word) {
    std::error_code none;
    const auto real = fs::canonical(path, none).string();
    add_file(name_of(real), real, 0755);
    const auto wanted = word.starts_with('/') ? name_of(word) : "usr/bin/" + word;
    if (wanted != name_of(real))
      files_[wanted] = {.kind = Kind::link, .mode = 0777, .text = "/" + name_of(real)};
  }

  // "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)", "\t/lib64/ld-linux-x86-64.so.2
  // (0x...)"
  Expected<void> add_libraries(const std::string& path) {
    std::istringstream lines(printed_by("LC_ALL=C ldd " + shell_quoted(path) + " 2>/dev/null"));
    for (std::string line; std::getline(lines, line);) {
      if (line.find("=> not found") != line.npos)
        return cannot(fmt::format("{} needs a library that is not on this machine: {}.", path,
                                  line.substr(line.find_first_not_of(" \t"))));
      const auto from = line.find('/'), to = line.find(" (", from);
      if (from == line.npos || to == line.npos) continue;  // the kernel's own, or a static program
      const auto library = line.substr(from, to - from);
      std::error_code none;
      add_file(name_of(library), fs::canonical(library, none).string(), 0755);
      library_folders_.insert("/" + fs::path(name_of(library)).parent_path().string());
    }
    return {};
  }

  void add_surroundings() {
    add_text("etc/passwd",
             "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n");
    add_text("etc/group", "root:x:0:\nnogroup:x:65534:\n");
    add_text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
    for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf"}) {
      std::error_code none;
      if (const auto real = fs::canonical(path, none); !none)
        add_file(path + 1, real.string(), 0644);
    }
    if (files_.contains("etc/ssl/openssl.cnf"))  // where Debian's OpenSSL looks
      files_["usr/lib/ssl/openssl.cnf"] = {
          .kind = Kind::link, .mode = 0777, .text = "/etc/ssl/openssl.cnf"};
    if (files_.contains("etc/ssl/certs/ca-certificates.crt"))
      files_["usr/lib/ssl/cert.pem"] = {
          .kind = Kind::link, .mode = 0777, .text = "/etc/ssl/certs/ca-certificates.crt"};
    for (const char* name : {"bin", "sbin", "lib", "lib64"}) {
      files_[std::string("usr/") + name] = {.kind = Kind::folder, .mode = 0755};
      files_[name] = {.kind = Kind::link, .mode = 0777, .text = std::string("usr/") + name};
    }
    files_["root"] = {.kind = Kind::folder, .mode = 0700};
    files_["tmp"] = {.kind = Kind::folder, .mode = 01777};
    std::set<std::string> folders;
    for (const auto& [name, file] : files_)
      for (std::size_t slash = 0; (slash = name.find('/', slash)) != name.npos; ++slash)
        folders.insert(name.substr(0, slash));
    for (const auto& folder : folders)
      files_.try_emplace(folder, PackedFile{.kind = Kind::folder, .mode = 0755});
  }

  // The loader has no cache there: only these it finds by itself, and /usr/lib/x86_64-linux-gnu.
  std::string library_path() const {
    std::string path;
    for (const auto& folder : library_folders_)
      if (folder != "/usr/lib" && folder != "/usr/lib64" &&
          !(folder.starts_with("/usr/lib/") && folder.find("-linux-") != folder.npos &&
            std::ranges::count(folder, '/') == 3))
        path += (path.empty() ? "" : ":") + folder;
    return path;
  }

  void add_file(const std::string& name, const std::string& source, unsigned mode) {
    struct stat about{};
    if (stat(source.c_str(), &about) != 0) return;
    files_[name] = {
        .mode = mode, .source = source, .bytes = about.st_size, .modified = about.st_mtim};
  }
  void add_text(const char* name, std::string text) {
    const auto bytes = std::int64_t(text.size());
    files_[name] = {.mode = 0644, .text = std::move(text), .bytes = bytes};
  }

  const std::string folder_;
  PackedFiles& files_;
  std::set<std::string> library_folders_;
};

}  // namespace

Expected<std::string> add_runtime(const std::string& program, const std::string& folder,
                                  PackedFiles& files) {
  return Runtime(folder, files).add(program);
}

}  // namespace utakata
