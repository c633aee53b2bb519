#include "net/etcd/line_splitter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace utakata::net {
namespace {

std::vector<std::string> split(std::string_view bytes, std::size_t piece, std::size_t bytes_max) {
  LineSplitter splitter(bytes_max);
  std::vector<std::string> lines;
  const auto add = [&](std::string_view line) { lines.emplace_back(line); };
  while (!bytes.empty()) {
    if (!splitter.feed(bytes.substr(0, piece), add)) lines.push_back("broken");
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return lines;
}

TEST(LineSplitter, gives_the_same_lines_however_the_stream_is_chopped) {
  const std::vector<std::string> lines = {"one", "twelve12", "3"};
  for (std::size_t piece = 1; piece < 30; ++piece)
    EXPECT_EQ(split("one\n\ntwelve12\n3\nnot ended", piece, 9), lines) << piece;
}

TEST(LineSplitter, a_line_beyond_the_cap_ends_the_stream_for_good) {
  LineSplitter splitter(4);
  std::vector<std::string> lines;
  const auto add = [&](std::string_view line) { lines.emplace_back(line); };
  EXPECT_TRUE(splitter.feed("four\nfo", add));
  EXPECT_TRUE(splitter.feed("ur", add));
  EXPECT_FALSE(splitter.feed("5", add));
  EXPECT_FALSE(splitter.feed("\nok\n", add));
  EXPECT_EQ(lines, std::vector<std::string>{"four"});
}

}  // namespace
}  // namespace utakata::net
