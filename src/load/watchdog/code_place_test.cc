#include "load/watchdog/code_place.h"

#include <gtest/gtest.h>

namespace utakata::load {
namespace {

CodeFrame at(const std::string& function, int line, const std::string& file = "file:///s.mjs") {
  return {.at = {.function = function, .file = file, .line = line, .column = 3},
          .of = file + function};
}
CodePlace place(const std::string& function, int line, const std::string& file = "file:///s.mjs") {
  return at(function, line, file).at;
}

TEST(CodePlace, is_where_the_loop_is) {
  const CodeFrame timer = at("listOnTimeout", 581, "node:internal/timers");
  struct Row {
    const char* name;
    std::vector<CodeStack> stacks;
    CodePlace place;
  };
  const Row rows[] = {
      {"seen once", {{at("spin", 7), at("user", 9), timer}}, place("spin", 7)},
      {"what it calls is not the loop",
       {{at("one", 30), at("spin", 8), timer},
        {at("two", 40), at("spin", 7), timer},
        {at("three", 50), at("spin", 7), timer},
        {at("spin", 6), timer}},
       place("spin", 7)},
      {"nor is a function of Node's",
       {{at("existsSync", 1, "node:fs"), at("spin", 7), timer},
        {at("existsSync", 2, "node:fs"), at("spin", 7), timer}},
       place("spin", 7)},
      {"nor what was evaluated", {{at("", 1, ""), at("spin", 7)}}, place("spin", 7)},
      {"nor the engine's",
       {{at("poll", 1, "file:///ours/poll.mjs"), at("spin", 7)},
        {at("poll", 1, "file:///ours/poll.mjs"), at("spin", 7)}},
       place("spin", 7)},
      {"unless there is nothing else", {{timer}, {timer}}, timer.at},
      {"jobs that follow one another",
       {{at("a", 1)}, {at("b", 2)}, {timer}, {at("b", 2), timer}},
       place("b", 2)},
      {"another function of the same name is another",
       {{at("f", 1, "file:///a.mjs"), at("spin", 5)}, {at("f", 1, "file:///b.mjs"), at("spin", 6)}},
       place("spin", 5)},
      {"a call of itself is deeper and deeper",
       {{at("deep", 4), at("deep", 5), at("spin", 7)}, {at("deep", 4), at("spin", 7)}},
       place("deep", 5)},
  };
  for (const Row& row : rows)
    EXPECT_EQ(to_text(looping_place(row.stacks, "file:///ours/")), to_text(row.place)) << row.name;
}

TEST(CodePlace, is_written_as_javascript_writes_it) {
  EXPECT_EQ(to_text(CodePlace{"spin", "file:///s.mjs", 12, 5}), "spin (file:///s.mjs:12:5)");
  EXPECT_EQ(to_text(CodePlace{"", "", 1, 1}), "<anonymous> (<evaluated>:1:1)");
}

}  // namespace
}  // namespace utakata::load
