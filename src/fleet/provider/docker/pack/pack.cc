#include "fleet/provider/docker/pack/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>

#include "net/descriptor.h"
#include "wire/digest.h"

namespace utakata {
namespace {

using Kind = PackedFile::Kind;
constexpr std::string_view image_prefix = "utakata.local/";
constexpr std::size_t piece_bytes = 256 * 1024;

// What is read goes on to these.
struct Sink {
  std::function<Expected<void>(const std::string& name, const PackedFile& file)> begin;
  std::function<Expected<void>(std::string_view piece)> add;
};

Expected<void> read_file(const PackedFile& file, const Sink& sink, const GiveUp& give_up) {
  if (file.source.empty()) return sink.add(file.text);
  const net::Descriptor open_file{open(file.source.c_str(), O_RDONLY | O_CLOEXEC)};
  const auto unreadable = [&] {
    return problem(Problem::Kind::invalid, fmt::format("docker: {} cannot be packed: {}.",
                                                       file.source, std::strerror(errno)));
  };
  if (!open_file) return unreadable();
  std::string piece(piece_bytes, '\0');
  // Not more than was looked up: the head has been written.
  for (std::int64_t left = file.bytes; left > 0;) {
    if (give_up && give_up())
      return problem(Problem::Kind::unavailable, "docker: packing was given up.", true);
    const auto size =
        read(open_file.get(), piece.data(), std::size_t(std::min<std::int64_t>(left, piece_bytes)));
    if (size < 0) return unreadable();
    if (size == 0) break;  // it has become shorter: the content will tell
    if (auto added = sink.add({piece.data(), std::size_t(size)}); !added) return added;
    left -= size;
  }
  return {};
}

// Calls the sink for everything in order, and answers the content.
Expected<std::string> read_all(const Pack& pack, const Sink& sink, const GiveUp& give_up) {
  wire::Sha256 digest;
  const Sink both{.begin = sink.begin, .add = [&](std::string_view piece) -> Expected<void> {
                    digest.add(piece);
                    return sink.add ? sink.add(piece) : Expected<void>{};
                  }};
  digest.add("1 " + pack.library_path + "\n");  // the form of what follows
  for (const auto& [name, file] : pack.files) {
    digest.add(fmt::format("{}\n{} {:o} {}\n", name, int(file.kind), file.mode, file.bytes));
    if (file.kind == Kind::link) digest.add(file.text + "\n");
    if (sink.begin)
      if (auto begun = sink.begin(name, file); !begun) return std::unexpected(begun.error());
    if (file.kind != Kind::file) continue;
    if (auto done = read_file(file, both, give_up); !done) return std::unexpected(done.error());
  }
  return digest.hex().substr(0, 16);
}

// libarchive is never told that a write has failed: its state after that leaks (3.6.2).
class Tar {
 public:
  explicit Tar(int descriptor) : descriptor_(descriptor) {
    archive_write_set_format_pax_restricted(archive_.get());
    archive_write_add_filter_none(archive_.get());
    // File names are bytes; whatever the locale says of them, they stay what they are.
    archive_write_set_options(archive_.get(), "hdrcharset=BINARY");
    is_open_ =
        archive_write_open(archive_.get(), this, nullptr, &Tar::write, nullptr) == ARCHIVE_OK;
  }
  // What was given up is not filled up with zeros.
  ~Tar() { is_over_ = true; }
  Tar(const Tar&) = delete;
  Tar& operator=(const Tar&) = delete;

  Expected<void> begin(const std::string& name, const PackedFile& file) {
    archive_entry* const entry = entry_.get();
    archive_entry_clear(entry);
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, file.kind == Kind::folder ? AE_IFDIR
                                      : file.kind == Kind::link ? AE_IFLNK
                                                                : AE_IFREG);
    archive_entry_set_perm(entry, mode_t(file.mode));
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_mtime(entry, file.modified.tv_sec, file.modified.tv_nsec);
    archive_entry_set_size(entry, file.kind == Kind::file ? file.bytes : 0);
    if (file.kind == Kind::link) archive_entry_set_symlink(entry, file.text.c_str());
    return came_of(is_open_ && archive_write_header(archive_.get(), entry) == ARCHIVE_OK);
  }
  Expected<void> add(std::string_view piece) {
    const auto size = archive_write_data(archive_.get(), piece.data(), piece.size());
    return came_of(size == la_ssize_t(piece.size()));
  }
  Expected<void> close() { return came_of(archive_write_close(archive_.get()) == ARCHIVE_OK); }

 private:
  static la_ssize_t write(archive*, void* self, const void* bytes, std::size_t size) {
    auto& tar = *static_cast<Tar*>(self);
    const auto* from = static_cast<const char*>(bytes);
    for (std::size_t left = size; left > 0 && !tar.is_over_;) {
      const auto wrote = ::write(tar.descriptor_, from, left);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) tar.error_ = errno, tar.is_over_ = true;
      if (wrote > 0) from += wrote, left -= std::size_t(wrote);
    }
    return la_ssize_t(size);
  }
  Expected<void> came_of(bool is_done) const {
    if (is_done && error_ == 0) return {};
    const char* const why = error_ ? std::strerror(error_) : archive_error_string(archive_.get());
    return problem(Problem::Kind::unavailable,
                   fmt::format("docker: the app cannot be packed: {}.", why ? why : "no memory"),
                   true);
  }

  const int descriptor_;
  int error_ = 0;
  bool is_open_ = false, is_over_ = false;
  std::unique_ptr<archive, int (*)(archive*)> archive_{archive_write_new(), archive_write_free};
  std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry_{archive_entry_new(),
                                                                  archive_entry_free};
};

bool names_something_in(const std::string& folder, const std::string& run) {
  std::istringstream words(run);
  for (std::string word; words >> word;) {
    std::error_code none;
    if (!word.starts_with('/') && std::filesystem::exists(folder + "/" + word, none)) return true;
  }
  return false;
}

}  // namespace

Expected<Pack> pack_of(const PackSpec& spec) {
  Pack pack;
  const std::string program = program_of(spec.run);
  if (program.empty())
    return problem(Problem::Kind::invalid,
                   fmt::format("docker: `run: {}` does not begin with a program that could be "
                               "packed, as in `node server.js`: change it, or name an `image`.",
                               spec.run));
  const bool is_folder_needed =
      spec.folder != spec.stack_folder || names_something_in(spec.folder, spec.run);
  if (!is_folder_needed)
    pack.files[packed_folder] = {.kind = Kind::folder, .mode = 0755};
  else if (const auto added = add_app(spec.folder, spec.left_out, pack.files); !added)
    return std::unexpected(added.error());
  auto library_path = add_runtime(program, spec.folder, pack.files);
  if (!library_path) return std::unexpected(library_path.error());
  pack.library_path = std::move(*library_path);
  for (const auto& [name, file] : pack.files) pack.bytes += file.bytes;
  return pack;
}

Expected<std::string> content_of(const Pack& pack, const GiveUp& give_up) {
  return read_all(pack, {}, give_up);
}

Expected<std::string> write_tar(const Pack& pack, int descriptor, const GiveUp& give_up) {
  Tar tar(descriptor);
  auto content = read_all(pack,
                          {.begin = [&](const std::string& name,
                                        const PackedFile& file) { return tar.begin(name, file); },
                           .add = [&](std::string_view piece) { return tar.add(piece); }},
                          give_up);
  if (!content) return content;
  if (const auto closed = tar.close(); !closed) return std::unexpected(closed.error());
  return content;
}

std::string packed_image(const std::string& stack, const PackSpec& spec,
                         const std::string& content) {
  const auto kind = wire::sha256_hex(spec.folder + "\n" + program_of(spec.run));
  return fmt::format("{}{}-{}:{}", image_prefix, stack, kind.substr(0, 8), content);
}

bool is_packed_image(const std::string& image) { return image.starts_with(image_prefix); }

}  // namespace utakata
