#include "cli/container_exec.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

TEST(ExecFrames, both_outputs_come_apart_in_any_chopping) {
  const auto frame = [](char kind, const std::string& text) {
    return std::string({kind, 0, 0, 0, 0, 0, char(text.size() >> 8), char(text.size() & 255)}) +
           text;
  };
  const std::string large(700, 'x');
  const auto bytes =
      frame(1, "one\n") + frame(2, "oh") + frame(1, "") + frame(1, large) + frame(2, " no");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    ExecFrames frames;
    std::string output, errors;
    for (std::size_t from = 0; from < bytes.size(); from += step)
      frames.feed(std::string_view(bytes).substr(from, step), output, errors);
    EXPECT_EQ(output, "one\n" + large);
    EXPECT_EQ(errors, "oh no");
  }
}

}  // namespace
}  // namespace utakata
