#include "load/bundle/bundle.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "load/bundle/unpacking.h"

namespace utakata::load {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Unpacking> new_unpacking() {
  auto made = Unpacking::in_new_folder();
  EXPECT_TRUE(made) << made.error().what;
  return std::move(*made);
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Bundle, what_is_read_here_is_unpacked_there_and_gone_afterwards) {
  const auto ours = new_unpacking();  // a folder to write in
  const std::string file = ours->folder() + "/a/b.mjs", other = ours->folder() + "/empty";
  fs::create_directories(ours->folder() + "/a");
  std::ofstream(file) << "export const x = 1;\n";
  std::ofstream(other) << "";
  const auto bundle = read_bundle({file, other, file});
  ASSERT_TRUE(bundle) << bundle.error().what;
  ASSERT_EQ(bundle->files.size(), 2u);

  auto theirs = new_unpacking();
  const std::string folder = theirs->folder();
  for (const BundleFile& one : bundle->files) {
    ASSERT_TRUE(theirs->begin(one.name, std::int64_t(one.bytes.size())));
    for (const char byte : one.bytes) EXPECT_TRUE(theirs->add({&byte, 1}));
    EXPECT_TRUE(theirs->is_whole());
  }
  EXPECT_EQ(text_of(folder + file), "export const x = 1;\n");
  EXPECT_TRUE(fs::is_regular_file(folder + other));
  EXPECT_EQ(fs::status(folder).permissions() & fs::perms::all, fs::perms::owner_all);
  theirs.reset();
  EXPECT_FALSE(fs::exists(folder));
}

TEST(Bundle, a_file_that_is_missing_or_too_large_is_named) {
  const auto missing = read_bundle({"/no/such/file.mjs"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what, "/no/such/file.mjs cannot be read, to be sent to agents.");
  EXPECT_FALSE(read_bundle({"relative.mjs"}));
  EXPECT_FALSE(read_bundle({"/tmp"})) << "a folder is no file";

  const auto ours = new_unpacking();
  const std::string large = ours->folder() + "/film.bin";
  std::ofstream{large};
  fs::resize_file(large, bundle_bytes_max + 1);
  const auto refused = read_bundle({large, "/proc/self/exe"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find(large + ", 64.0 MB"), std::string::npos)
      << refused.error().what;
}

TEST(Bundle, names_that_lead_elsewhere_are_none) {
  for (const std::string name : {"/a", "/a/b.mjs", "/a/..b", "/a/...", "/ä/ b"})
    EXPECT_TRUE(is_bundle_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("a"), std::string("/"), std::string("//a"), std::string("/a/"),
        std::string("/../a"), std::string("/a/../../b"), std::string("/a/.."), std::string("/./a"),
        std::string("../a"), std::string("/a\0b", 4), "/" + std::string(256, 'x'),
        std::string(4000, '/')})
    EXPECT_FALSE(is_bundle_name(name)) << name;
}

TEST(Unpacking, what_breaks_a_rule_ends_it) {
  const auto refused = [](auto&& act) {
    const auto one = new_unpacking();
    EXPECT_TRUE(one->begin("/first", 3));
    EXPECT_TRUE(one->add("abc"));
    const Expected<void> done = act(*one);
    EXPECT_FALSE(done);
    EXPECT_FALSE(one->begin("/later", 0)) << "nothing more is taken";
    EXPECT_EQ(text_of(one->folder() + "/first"), "abc");
    return done ? "" : done.error().what;
  };
  EXPECT_EQ(refused([](Unpacking& one) { return one.begin("/../evil\n", 3); }),
            "`/../evil?` is no name of a file to unpack.");
  EXPECT_EQ(refused([](Unpacking& one) { return one.begin("/first", 3); }),
            "`/first` cannot be unpacked: File exists.");
  EXPECT_EQ(refused([](Unpacking& one) { return one.add("d"); }),
            "more bytes came than the file was to have.");
  EXPECT_EQ(refused([](Unpacking& one) {
              EXPECT_TRUE(one.begin("/second", 2));
              return one.begin("/third", 0);
            }),
            "the file before it is not whole.");
  EXPECT_EQ(refused([](Unpacking& one) { return one.begin("/x", std::int64_t(1) << 60); }),
            "`/x` is too much to unpack beside the others.");
  EXPECT_EQ(refused([](Unpacking& one) { return one.begin("/x", -1); }),
            "`/x` is too much to unpack beside the others.");
  EXPECT_EQ(refused([](Unpacking& one) { return one.begin("/first/below", 1); }),
            "`/first/below` cannot be unpacked: Not a directory.");
}

TEST(Unpacking, what_one_left_that_was_killed_goes_with_the_next_and_nothing_else) {
  const auto alive = new_unpacking();
  const fs::path temporary = fs::path(alive->folder()).parent_path();
  const auto made = [&](const std::string& name) {
    const auto path = temporary / name;
    fs::create_directories(path / "home/me");
    return path;
  };
  const auto left = made("utakata-agent-left"), fresh = made("utakata-agent-fresh"),
             other = made("utakata-other-left");
  const auto long_ago = [](const fs::path& path) {
    const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
    EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  for (const fs::path& path : {left, other, fs::path(alive->folder())}) long_ago(path);
  const auto next = new_unpacking();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_TRUE(fs::exists(alive->folder()));
  fs::remove_all(fresh);
  fs::remove_all(other);
}

TEST(Unpacking, whatever_a_stranger_names_stays_inside) {
  std::mt19937 random(7);
  const auto outside = new_unpacking();  // beside all others
  const std::string letters = "/./..a";
  for (int round = 0; round < 2'000; ++round) {
    const auto one = new_unpacking();
    std::string name;
    for (std::size_t k = random() % 12; k > 0; --k) name += letters[random() % letters.size()];
    const bool is_taken = one->begin(name, 1) && one->add("x");
    EXPECT_EQ(is_taken, is_bundle_name(name)) << name;
    if (!is_taken) continue;
    const auto path = fs::canonical(one->folder() + name).string();
    EXPECT_TRUE(path.starts_with(one->folder() + "/")) << name << " " << path;
  }
  EXPECT_TRUE(fs::is_empty(outside->folder()));
}

}  // namespace
}  // namespace utakata::load
