#include "fleet/provider/docker/pack/files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fleet/provider/docker/pack/ignore.h"

namespace utakata {
namespace {

namespace fs = std::filesystem;

std::unexpected<Problem> cannot(const std::string& what) {
  return problem(Problem::Kind::invalid, "docker: " + what);
}

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class AppWalk {
 public:
  AppWalk(const std::string& folder, const std::vector<std::string>& left_out, PackedFiles& files)
      : root_(folder),
        left_out_(left_out),
        ignore_(text_of(root_ / ".dockerignore")),
        files_(files) {}

  Expected<void> walk() {
    std::error_code error;
    canonical_ = fs::canonical(root_, error);
    if (error || !fs::is_directory(canonical_, error))
      return cannot(fmt::format("the folder {} does not exist; `app:` names it.", root_.string()));
    files_[packed_folder] = {.kind = PackedFile::Kind::folder, .mode = 0755};
    return walk("");
  }

 private:
  Expected<void> walk(const std::string& below) {
    std::error_code error;
    for (fs::directory_iterator each(root_ / below, error), end; !error && each != end;
         each.increment(error)) {
      const std::string name = each->path().filename().string();
      if (auto taken = take(below.empty() ? name : below + "/" + name); !taken) return taken;
    }
    if (error)
      return cannot(
          fmt::format("{} cannot be packed: {}.", (root_ / below).string(), error.message()));
    return {};
  }

  Expected<void> take(const std::string& path) {
    const fs::path here = root_ / path;
    if (is_left_out(here.string())) return {};
    const bool is_ignored = ignore_.leaves_out(path);
    struct stat about{};
    if (lstat(here.c_str(), &about) != 0) return {};  // gone meanwhile
    if (S_ISDIR(about.st_mode)) {
      if (is_ignored && !ignore_.has_exceptions()) return {};
      if (!is_ignored) file(path) = {.kind = PackedFile::Kind::folder, .mode = 0755};
      return walk(path);
    }
    if (is_ignored) return {};
    if (S_ISLNK(about.st_mode)) return take_link(path);
    if (!S_ISREG(about.st_mode)) return {};
    if (access(here.c_str(), R_OK) != 0)
      return cannot(fmt::format("{} cannot be packed: {}; `.dockerignore` may leave it out.",
                                here.string(), std::strerror(errno)));
    file(path) = {.mode = about.st_mode & 0111 ? 0755u : 0644u,
                  .source = here.string(),
                  .bytes = about.st_size,
                  .modified = about.st_mtim};
    return {};
  }

  // Kept as it is where it stays inside: an absolute one as the relative one that it is in effect.
  Expected<void> take_link(const std::string& path) {
    std::error_code error;
    const fs::path here = root_ / path, to = fs::read_symlink(here, error);
    const fs::path parent = fs::canonical(here.parent_path(), error);
    const fs::path target = fs::weakly_canonical(parent / to, error);
    const fs::path inside = target.lexically_relative(canonical_);
    if (error || inside.empty() || *inside.begin() == "..")
      return cannot(
          fmt::format("the link {} points to {}, which is not in the folder {}: put what it points "
                      "to inside, or leave the link out by `.dockerignore`.",
                      here.string(), to.string(), root_.string()));
    file(path) = {
        .kind = PackedFile::Kind::link,
        .mode = 0777,
        .text = to.is_absolute() ? target.lexically_relative(parent).string() : to.string()};
    return {};
  }

  // Of a folder that is left out but for this.
  PackedFile& file(const std::string& path) {
    for (std::size_t slash = 0; (slash = path.find('/', slash)) != path.npos; ++slash)
      files_.try_emplace(fmt::format("{}/{}", packed_folder, path.substr(0, slash)),
                         PackedFile{.kind = PackedFile::Kind::folder, .mode = 0755});
    return files_[fmt::format("{}/{}", packed_folder, path)];
  }

  bool is_left_out(const std::string& path) const {
    return std::ranges::any_of(left_out_, [&](const auto& one) { return path.starts_with(one); });
  }

  const fs::path root_;
  const std::vector<std::string>& left_out_;
  const Ignore ignore_;
  PackedFiles& files_;
  fs::path canonical_;
};

}  // namespace

Expected<void> add_app(const std::string& folder, const std::vector<std::string>& left_out,
                       PackedFiles& files) {
  return AppWalk(folder, left_out, files).walk();
}

std::string program_of(const std::string& run) {
  std::istringstream words(run);
  for (std::string word; words >> word;)
    if (word != "exec" && word.find('=') == word.npos)
      return word.find_first_of("$`'\"(){}<>|&;*?") == word.npos ? word : std::string();
  return {};
}

}  // namespace utakata
