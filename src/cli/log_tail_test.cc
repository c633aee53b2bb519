#include "cli/log_tail.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace utakata {
namespace {

class Log : public testing::Test {
 protected:
  Log() : path_(testing::TempDir() + "utakata-log-" + std::to_string(getpid())) {}
  ~Log() override { std::filesystem::remove(path_); }
  void add(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  std::string path_;
};

}  // namespace

TEST_F(Log, its_last_lines_are_found) {
  add("one\ntwo\nthree\nfo");
  const std::pair<int, std::string> rows[] = {{0, ""},
                                              {1, "three\n"},
                                              {2, "two\nthree\n"},
                                              {3, "one\ntwo\nthree\n"},
                                              {99, "one\ntwo\nthree\n"}};
  for (const auto& [lines, want] : rows) EXPECT_EQ(LogTail(path_).last(lines), want) << lines;
  LogTail tail(path_);
  tail.last(1);
  add("ur\nfi");
  EXPECT_EQ(tail.next(), "four\n");
  EXPECT_EQ(tail.next(), "");
}

TEST_F(Log, emptied_in_place_is_read_from_its_start_again) {
  LogTail tail(path_);
  EXPECT_EQ(tail.next(), "") << "not there yet";
  add("one\n");
  EXPECT_EQ(tail.next(), "one\n");
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(tail.next(), "");
  add("a\n");
  EXPECT_EQ(tail.next(), "a\n");
}

TEST_F(Log, without_line_ends_does_not_fill_memory) {
  add(std::string(3 << 20, 'x'));
  LogTail tail(path_);
  for (int i = 0; i < 6; ++i) EXPECT_LE(tail.next().size(), (2u << 20) + 1);
  add("\nend\n");
  std::string last;
  for (std::string text; !(text = tail.next()).empty();) last = text;
  EXPECT_TRUE(last.ends_with("end\n"));
}

TEST(LogLines, get_their_prefix) {
  EXPECT_EQ(prefixed("a\n\nb\n", "i | "), "i | a\ni | \ni | b\n");
  EXPECT_EQ(prefixed("a", "i | "), "i | a");
  EXPECT_EQ(prefixed("", "i | "), "");
}

}  // namespace utakata
