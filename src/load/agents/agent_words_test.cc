#include "load/agents/agent_words.h"

#include <gtest/gtest.h>

#include <random>

namespace utakata::load {
namespace {

TEST(AgentWords, each_is_read_as_it_was_written) {
  const std::string all_bytes = [] {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += char(byte);
    return bytes;
  }();
  for (int verb = 0; verb <= int(AgentVerb::ended); ++verb)
    for (const std::string& rest : {std::string(), std::string(" "), std::string("a b"), all_bytes})
      for (const std::int64_t number : {std::int64_t(0), std::int64_t(7), INT64_MAX}) {
        const AgentWord word{AgentVerb(verb), number, rest};
        const std::string message = to_message(word);
        const auto read = agent_word(message);
        ASSERT_TRUE(read) << message;
        EXPECT_EQ(*read, word) << message;
      }
  EXPECT_EQ(to_message({AgentVerb::tell, 3, "{}"}), "tell 3 {}");
}

TEST(AgentWords, what_is_none_of_them_is_a_problem) {
  for (const std::string_view message :
       {"", " ", "tell", "tell ", "tell x", "tell -1 a", "tell 3a", "tell 99999999999999999999 a",
        "Tell 3 a", "tellx 3", "tell  3", "tell +3", " tell 3", "\xff\xfe 3", "tell 3\n"})
    EXPECT_FALSE(agent_word(message)) << message;
}

TEST(AgentWords, whatever_comes_is_read_or_refused) {
  std::mt19937 random(11);
  const std::string letters = "telsaidfm 0123456789- \n\xff";
  int read = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string message = random() % 2 == 0 ? "tell " : "";
    for (std::size_t k = random() % 20; k > 0; --k) message += letters[random() % letters.size()];
    const auto word = agent_word(message);
    if (!word) continue;
    ++read;
    EXPECT_EQ(agent_word(to_message(*word)), word) << message;
  }
  EXPECT_GT(read, 1'000);
}

}  // namespace
}  // namespace utakata::load
