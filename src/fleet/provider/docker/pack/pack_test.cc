#include "fleet/provider/docker/pack/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "fleet/provider/docker/pack/ignore.h"

namespace utakata {
namespace {

namespace fs = std::filesystem;

// An app's folder that vanishes.
class Packing : public testing::Test {
 protected:
  Packing() {
    std::string name = (fs::temp_directory_path() / "utakata-pack-XXXXXX").string();
    root = mkdtemp(name.data());
    folder = root + "/app";
    fs::create_directory(folder);
  }
  ~Packing() override { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(folder + "/" + path).parent_path());
    std::ofstream(folder + "/" + path) << text;
  }
  void link(const std::string& path, const std::string& to) {
    fs::create_symlink(to, folder + "/" + path);
  }
  PackedFiles app() {
    PackedFiles files;
    const auto added = add_app(folder, left_out, files);
    EXPECT_TRUE(added) << added.error().what;
    return files;
  }
  std::string refusal() {
    PackedFiles files;
    const auto added = add_app(folder, left_out, files);
    return added ? "it was packed" : added.error().what;
  }
  PackSpec spec(const std::string& run) const { return {folder, run, left_out}; }
  Pack pack(const std::string& run = "sleep 1") const {
    auto made = pack_of(spec(run));
    EXPECT_TRUE(made) << made.error().what;
    return made ? *made : Pack{};
  }
  std::string content() const { return content_of(pack()).value(); }

  std::string root, folder;
  std::vector<std::string> left_out;
};

TEST_F(Packing, takes_the_folder_without_what_it_names_itself) {
  write("server.js", "listen()");
  write("lib/a.js", "a");
  write("lib/a.log", "a");
  write("logs/b.txt", "b");
  write("logs/keep/c.txt", "c");
  write(".git/HEAD", "x");
  write("deep/.git", "gitdir: elsewhere");
  write("game.db-wal", "x");
  write("game.db.run/logs/x.log", "x");
  write(".dockerignore", "# not these\n**/*.log\nlogs/\n!logs/keep\n");
  left_out = {folder + "/game.db"};
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un at{.sun_family = AF_UNIX, .sun_path = {}};
  (folder + "/a.sock").copy(at.sun_path, sizeof at.sun_path - 1);
  ASSERT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  close(socket);
  std::vector<std::string> names;
  for (const auto& [name, file] : app()) names.push_back(name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"app", "app/deep", "app/lib", "app/lib/a.js", "app/logs",
                                      "app/logs/keep", "app/logs/keep/c.txt", "app/server.js"}));
}

TEST_F(Packing, links_stay_inside_or_are_refused_by_name) {
  write("lib/a.js", "a");
  link("relative", "lib/a.js");
  link("lib/absolute", folder + "/lib/a.js");
  link("lib/up", "../lib");
  link("dangling", "lib/to-come");
  const auto files = app();
  EXPECT_EQ(files.at("app/relative").text, "lib/a.js");
  EXPECT_EQ(files.at("app/lib/absolute").text, "a.js");
  EXPECT_EQ(files.at("app/lib/up").text, "../lib");
  EXPECT_EQ(files.at("app/dangling").text, "lib/to-come");
  for (const char* to : {"/etc/passwd", "../../secret", "lib/../../app2", ".."}) {
    link("out", to);
    EXPECT_EQ(refusal(), "docker: the link " + folder + "/out points to " + to +
                             ", which is not in the folder " + folder +
                             ": put what it points to inside, or leave the link out by "
                             "`.dockerignore`.");
    fs::remove(folder + "/out");
  }
  write(".dockerignore", "out");
  link("out", "/etc/passwd");
  EXPECT_FALSE(app().contains("app/out"));
}

TEST_F(Packing, no_folder_and_no_program_are_sentences) {
  EXPECT_EQ(pack_of({root + "/none", "sleep 1", {}}).error().what,
            "docker: the folder " + root + "/none does not exist; `app:` names it.");
  EXPECT_TRUE(pack_of(spec("no-such-program x"))
                  .error()
                  .what.starts_with("docker: there is no program no-such-program on this machine"));
  EXPECT_TRUE(pack_of(spec("$APP x")).error().what.starts_with("docker: `run: $APP x` does not"));
  write("shell", "#!/bin/sh\n");
  chmod((folder + "/shell").c_str(), 0755);
  EXPECT_TRUE(pack_of(spec(folder + "/shell x")).error().what.find("is a script, which") !=
              std::string::npos);
}

TEST_F(Packing, the_program_comes_with_its_libraries_and_what_they_look_for) {
  const auto files = pack("exec sleep 1").files;
  ASSERT_TRUE(files.contains("usr/bin/sleep"));
  EXPECT_EQ(files.at("usr/bin/sleep").mode, 0755u);
  EXPECT_TRUE(files.contains("usr/bin/sh"));
  EXPECT_EQ(files.at("lib64").text, "usr/lib64");
  EXPECT_EQ(files.at("tmp").mode, 01777u);
  EXPECT_TRUE(std::ranges::any_of(files, [](const auto& one) {
    return one.first.find("/libc.so.") != std::string::npos && !one.second.source.empty();
  }));
  for (const char* name : {"etc/passwd", "etc/nsswitch.conf"}) EXPECT_TRUE(files.contains(name));
}

TEST_F(Packing, a_script_of_the_app_comes_with_its_interpreter) {
  write("start", "#!/usr/bin/env -S sleep 1\n");
  chmod((folder + "/start").c_str(), 0755);
  const auto files = pack("./start").files;
  EXPECT_TRUE(files.contains("usr/bin/env"));
  EXPECT_TRUE(files.contains("usr/bin/sleep"));
  EXPECT_EQ(files.at("app/start").mode, 0755u);
}

TEST_F(Packing, the_stack_files_own_folder_comes_only_with_a_command_that_names_something_in_it) {
  write("server.js", "x");
  const auto has = [&](const std::string& run) {
    const auto made = pack_of({folder, run, {}, folder});
    return made && made->files.contains("app/server.js");
  };
  EXPECT_TRUE(has("sleep server.js"));
  EXPECT_TRUE(has("sleep ."));
  EXPECT_FALSE(has("sleep --port ${port} 1"));
  EXPECT_TRUE(pack("sleep --port 1").files.contains("app/server.js")) << "`app:` names it";
}

TEST(ProgramOf, is_the_first_word_that_is_no_assignment) {
  for (const auto& [run, program] : {std::pair("node server.js --port ${port}", "node"),
                                     {"exec redis-server --port 1", "redis-server"},
                                     {"A=1 B=${port} exec ./game", "./game"},
                                     {"", ""},
                                     {"(cd x; node y)", ""},
                                     {"${program} x", ""}})
    EXPECT_EQ(program_of(run), program) << run;
}

TEST_F(Packing, the_content_tells_every_change_and_nothing_else) {
  write("a.js", "one");
  write("b.js", "");
  const auto before = content();
  EXPECT_EQ(before.size(), 16u);
  const timespec long_ago[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
  utimensat(AT_FDCWD, (folder + "/a.js").c_str(), long_ago, 0);
  EXPECT_EQ(content(), before) << "times are no content";
  std::vector<std::string> all = {before};
  const auto differs = [&](const char* what) {
    const auto now = content();
    EXPECT_EQ(std::ranges::find(all, now), all.end()) << what;
    all.push_back(now);
  };
  write("a.js", "two");
  differs("other bytes of the same length");
  chmod((folder + "/a.js").c_str(), 0755);
  differs("executable");
  write("a.js", "");
  write("b.js", "two");
  differs("the bytes in another file");
  fs::rename(folder + "/b.js", folder + "/c.js");
  differs("another name");
  fs::create_directory(folder + "/empty");
  differs("an empty folder");
  link("l", "a.js");
  differs("a link");
}

// Read back by libarchive itself, and by its names.
TEST_F(Packing, the_tar_holds_what_was_packed_and_tells_its_content) {
  const std::string long_name = std::string(90, 'd') + "/" + std::string(200, 'f');
  const std::string odd_name = "n\xc3\xa4me \xff.js", large(700'000, 'x');
  write(long_name, "long");
  write(odd_name, "odd");
  write("large", large);
  link("l", "large");
  const auto made = pack();
  const std::string path = root + "/tar";
  const int file = open(path.c_str(), O_RDWR | O_CREAT, 0644);
  const auto wrote = write_tar(made, file);
  close(file);
  ASSERT_TRUE(wrote) << wrote.error().what;
  EXPECT_EQ(*wrote, content_of(made).value());

  const std::unique_ptr<archive, int (*)(archive*)> tar{archive_read_new(), archive_read_free};
  archive_read_support_format_tar(tar.get());
  archive_read_set_options(tar.get(), "hdrcharset=BINARY");
  ASSERT_EQ(archive_read_open_filename(tar.get(), path.c_str(), 65536), ARCHIVE_OK);
  std::map<std::string, std::string> found;
  for (archive_entry* entry; archive_read_next_header(tar.get(), &entry) == ARCHIVE_OK;) {
    EXPECT_EQ(archive_entry_uid(entry), 0);
    std::string name = archive_entry_pathname(entry);
    if (name.ends_with('/')) name.pop_back();
    std::string& text = found[name];
    if (const char* to = archive_entry_symlink(entry)) text = to;
    std::string piece(65536, '\0');
    for (la_ssize_t size; (size = archive_read_data(tar.get(), piece.data(), piece.size())) > 0;)
      text.append(piece, 0, std::size_t(size));
  }
  EXPECT_EQ(found.size(), made.files.size());
  EXPECT_EQ(found["app/" + long_name], "long");
  EXPECT_EQ(found["app/" + odd_name], "odd");
  EXPECT_EQ(found["app/large"], large);
  EXPECT_EQ(found["app/l"], "large");
}

TEST_F(Packing, who_changes_a_file_meanwhile_is_noticed_and_who_gives_up_stops) {
  write("a", "before");
  const auto made = pack();
  const auto before = content_of(made).value();
  const int nowhere = open("/dev/null", O_WRONLY);
  write("a", "b");
  EXPECT_NE(write_tar(made, nowhere).value(), before);
  EXPECT_EQ(write_tar(made, nowhere, [] { return true; }).error().kind, Problem::Kind::unavailable);
  fs::remove(folder + "/a");
  EXPECT_EQ(write_tar(made, nowhere).error().what,
            "docker: " + folder + "/a cannot be packed: No such file or directory.");
  close(nowhere);
  const int full = open("/dev/full", O_WRONLY);
  write("a", "before");
  EXPECT_EQ(write_tar(made, full).error().what,
            "docker: the app cannot be packed: No space left on device.");
  close(full);
}

TEST(PackedImage, is_told_by_its_name_and_shared_by_those_packed_alike) {
  const PackSpec one{"/srv/app", "node a.js", {}}, two{"/srv/app", "exec node b.js", {}},
      three{"/srv/other", "node a.js", {}};
  const auto image = packed_image("show", one, "0123456789abcdef");
  EXPECT_TRUE(is_packed_image(image));
  EXPECT_FALSE(is_packed_image("chat:7"));
  EXPECT_EQ(image, packed_image("show", two, "0123456789abcdef"));
  EXPECT_NE(image, packed_image("show", three, "0123456789abcdef"));
  EXPECT_TRUE(image.starts_with("utakata.local/show-")) << image;
}

TEST(Ignore, the_last_pattern_that_fits_decides) {
  const Ignore ignore("node_modules\n*.log\n**/test\n/a/*/c\n!keep.log\n  # no pattern\n\nd?f/\n");
  for (const char* path : {"node_modules", "node_modules/x/y.js", "a.log", "test", "x/y/test/z",
                           "a/b/c", "a/b/c/d", "def/x", ".git/HEAD", "x/.git", ".dockerignore"})
    EXPECT_TRUE(ignore.leaves_out(path)) << path;
  for (const char* path : {"lib/node_modules", "x/a.log", "keep.log", "testing", "a/c", "a/b/x/c",
                           "de/x", ".gitignore", "x/.dockerignore"})
    EXPECT_FALSE(ignore.leaves_out(path)) << path;
}

}  // namespace
}  // namespace utakata
