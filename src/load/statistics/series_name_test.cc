#include "load/statistics/series_name.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace utakata::load {
namespace {

TEST(SeriesName, its_key_has_the_tags_in_order) {
  const Tag tags[] = {{"status", "200"}, {"method", "GET"}};
  const auto name = series_name("http_req_duration", tags);
  ASSERT_TRUE(name);
  EXPECT_EQ(key_of(*name), "http_req_duration{method=GET,status=200}");
  EXPECT_EQ(key_of(*series_name("log in", {})), "log in");
  const Tag odd[] = {{"url", "http://a:80/?x={1,2}\\"}, {"empty", ""}};
  EXPECT_EQ(key_of(*series_name("m", odd)), R"(m{empty=,url=http://a:80/?x={1\,2\}\\})");
}

TEST(SeriesName, any_name_is_read_back_from_its_key) {
  EXPECT_TRUE(rc::check([] {
    const auto text = [](std::string alphabet, std::size_t least) {
      std::string all;
      for (auto left = *rc::gen::inRange<std::size_t>(least, 9); left > 0; --left)
        all += alphabet[*rc::gen::inRange<std::size_t>(0, alphabet.size())];
      return all;
    };
    Tags tags;
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i)
      tags.push_back({text("abc_", 1) + std::to_string(i), text("a {},=:\\\"\xc3\xa9", 0)});
    for (Tag& tag : tags)  // a half of that character is no text
      std::erase_if(tag.value, [](char c) { return (c & 0x80) != 0; }), tag.value += "é";
    const auto name = series_name(text("ab_9.", 1), tags);
    RC_ASSERT(name.has_value());
    RC_ASSERT(series_of_key(key_of(*name)).value() == *name);
    std::ranges::reverse(tags);
    RC_ASSERT(key_of(series_name(name->metric, tags).value()) == key_of(*name));
  }));
}

TEST(SeriesName, people_may_write_it_as_in_k6) {
  const auto name = series_as_written(" http_req_duration { status : 200, url:http://a=b } ");
  ASSERT_TRUE(name) << name.error().what;
  EXPECT_EQ(name->metric, "http_req_duration");
  EXPECT_EQ(name->tags, (Tags{{"status", "200"}, {"url", "http://a=b"}}));
  EXPECT_EQ(series_as_written("m{a=1}"), series_as_written("m{a:1}"));
  EXPECT_FALSE(series_of_key("m{a:1}")) << "a key has one form";
}

TEST(SeriesName, one_that_cannot_be_is_refused_with_the_reason) {
  const std::string long_name(129, 'n');
  const std::pair<std::string, std::string> rows[] = {
      {"", "is no name for a metric"},
      {long_name, "is no name for a metric"},
      {"a\nb", "is no name for a metric"},
      {"a\xff", "is no name for a metric"},
      {"a:b", "`a:b` is no name for a metric"},
      {"a}", "`a}` is no name for a metric"},
      {"m{", "`m{` is no metric"},
      {"m{}", "`m{}` is no metric"},
      {"m{a}", "`m{a}` is no metric"},
      {"m{a:1", "`m{a:1` is no metric"},
      {"m{a:1}b", "`m{a:1}b` is no metric"},
      {"m{a:1\\", "is no metric"},
      {"m{a:1,}", "is no metric"},
      {"m{:1}", "is no name for a tag"},
      {"m{a:1,a:2}", "The tag `a` of `m` is given twice"},
      {"m{a:" + std::string(513, 'v') + "}", "at most 512 bytes"},
      {"m{a:\x01}", "The tag `a` of `m`"},
      {"m{a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1,j:1,k:1,l:1,m:1,n:1,o:1,p:1,q:1,r:1,s:1,t:1,u:1}",
       "has 21 tags: at most 20"},
  };
  for (const auto& [text, why] : rows) {
    const auto name = series_as_written(text);
    ASSERT_FALSE(name) << text;
    EXPECT_NE(name.error().what.find(why), std::string::npos) << name.error().what;
  }
}

TEST(SeriesName, it_has_the_tags_that_are_asked_for_or_not) {
  const auto name = series_as_written("m{a:1,b:2}").value();
  EXPECT_TRUE(name.has({}));
  EXPECT_TRUE(name.has(Tags{{"b", "2"}}));
  EXPECT_FALSE(name.has(Tags{{"b", "3"}}));
  EXPECT_FALSE(name.has(Tags{{"a", "1"}, {"c", "2"}}));
}

}  // namespace
}  // namespace utakata::load
