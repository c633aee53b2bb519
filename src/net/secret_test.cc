#include "net/secret.h"

#include <gtest/gtest.h>

#include <set>

namespace utakata::net {
namespace {

TEST(Secret, tokens_of_any_size_then_as_long_as_base64_says_and_never_twice) {
  for (const auto& [bytes, letters] : {std::pair{1, 2}, {2, 3}, {3, 4}, {16, 22}, {24, 32}})
    EXPECT_EQ(random_token(std::size_t(bytes)).size(), std::size_t(letters));
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto token = random_token();
    EXPECT_EQ(
        token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        token.npos);
    EXPECT_TRUE(seen.insert(token).second);
  }
}

}  // namespace
}  // namespace utakata::net
