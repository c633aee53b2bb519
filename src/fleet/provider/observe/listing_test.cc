#include "fleet/provider/observe/listing.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

TEST(Listing, objects_with_or_without_id_and_plain_addresses) {
  const auto all = read_listing(
      R"([{"host": "10.0.0.5", "port": 3000, "id": "i-0abc", "zone": "a"},
          {"host": "game-2.example", "port": 1}, "[::1]:65535"])");
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_EQ(*all, (std::vector<Listed>{{"i-0abc", {"10.0.0.5", 3000}},
                                       {"game-2.example:1", {"game-2.example", 1}},
                                       {"[::1]:65535", {"[::1]", 65535}}}));
}

TEST(Listing, an_empty_list_is_a_list) { EXPECT_EQ(read_listing(" [] \n")->size(), 0u); }

TEST(Listing, anything_else_is_refused_whole) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "nothing at all"},
      {"[", "no JSON"},
      {"null", "null"},
      {R"({"instances": []})", "object"},
      {R"([{"host": "a", "port": 3000}, {"host": "a"}])", "number 2"},
      {R"([{"host": "a", "port": "3000"}])", "number 1"},
      {R"([{"host": "a", "port": 0}])", "number 1"},
      {R"([{"host": "a", "port": 65536}])", "number 1"},
      {R"([{"host": "a", "port": 3000.5}])", "number 1"},
      {R"([{"host": "a b", "port": 3000}])", "number 1"},
      {R"([{"host": "a/..", "port": 3000}])", "number 1"},
      {R"([{"host": "a", "port": 3000, "id": ""}])", "number 1"},
      {R"([{"host": "a", "port": 3000, "id": 7}])", "number 1"},
      {R"(["a:1", "a:1"])", "twice"},
      {R"([[]])", "number 1"},
      {"[\xff]", "no JSON"},
  };
  for (const auto& [text, said] : cases) {
    const auto all = read_listing(text);
    ASSERT_FALSE(all) << text;
    EXPECT_NE(all.error().what.find(said), std::string::npos) << text << ": " << all.error().what;
  }
}

}  // namespace
}  // namespace utakata
