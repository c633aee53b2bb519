// The test vectors of RFC 4648 section 10, and what is none.
#include "wire/base64.h"

#include <gtest/gtest.h>

namespace utakata::wire {
namespace {

TEST(Base64, of_the_rfc_goes_both_ways) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_of(bytes), text);
    EXPECT_EQ(bytes_of_base64(text), bytes);
  }
  EXPECT_EQ(bytes_of_base64("Zg"), "f") << "padding may be missing";
}

TEST(Base64, of_all_bytes_comes_back) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += char(i);
  EXPECT_EQ(bytes_of_base64(base64_of(bytes)), bytes);
}

TEST(Base64, that_cannot_be_is_nothing) {
  for (const std::string text : {"Z", "Zg=", "=", "====", "Zm9vY", "Zm 9", "Zm-_", "Zg==Zg=="})
    EXPECT_EQ(bytes_of_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace utakata::wire
