#include "net/secret.h"

#include <gtest/gtest.h>

#include <set>

namespace utakata::net {
namespace {

TEST(Secret, known_text_then_the_digest_of_fips_180_4) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

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

TEST(Secret, texts_compared_then_only_the_same_is_equal) {
  EXPECT_TRUE(constant_time_equal("token", "token"));
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_FALSE(constant_time_equal("token", "tokeN"));
  EXPECT_FALSE(constant_time_equal("token", "toke"));
}

}  // namespace
}  // namespace utakata::net
