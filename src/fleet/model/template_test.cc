#include "fleet/model/template.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

std::optional<std::string> known(std::string_view name) {
  if (name == "port") return "20001";
  if (name == "clusters.redis.host") return "127.0.0.1";
  if (name == "price") return "$5 ${port}";
  return std::nullopt;
}

}  // namespace

TEST(Templates, are_filled_in_and_dollars_unescaped) {
  const struct {
    const char* text;
    const char* want;
  } rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"--port ${port}", "--port 20001"},
      {"redis://${clusters.redis.host}:${port}/", "redis://127.0.0.1:20001/"},
      {"$HOME $ 5$", "$HOME $ 5$"},
      {"$${port} costs $$", "${port} costs $"},
      {"$$$${port}", "$${port}"},
      {"$$${port}", "$20001"},
      {"${price}", "$5 ${port}"},
  };
  for (const auto& row : rows) EXPECT_EQ(expand(row.text, known), row.want) << row.text;
}

TEST(Templates, unknown_or_broken_references_are_problems) {
  for (const auto text : {"${nope}", "${port", "${}", "${a b}", "${HOME:-/root}", "x${"}) {
    const auto got = expand(text, known);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().kind, Problem::Kind::invalid);
  }
}

TEST(Templates, filled_in_two_steps_give_what_one_step_gives) {
  const auto only = [](std::string_view one) {
    return [one](std::string_view name) { return name == one ? known(name) : std::nullopt; };
  };
  for (const auto text : {"${port} $$x ${price} $y $${port}", "$$$$", "${price}${port}", "$"}) {
    EXPECT_EQ(expand(expand_known(text, only("price")), known), expand(text, known)) << text;
  }
  EXPECT_EQ(expand_known("${nope} ${ $$", known), "${nope} ${ $$");
}

TEST(Templates, references_are_found_with_their_places) {
  const std::vector<Reference> want = {{2, "a.b", false}, {13, "${x y}", true}};
  EXPECT_EQ(references("$x${a.b} $${c}${x y}").size(), 2u);
  EXPECT_EQ(references("__${a.b}$${c}"), (std::vector<Reference>{{2, "a.b", false}}));
  EXPECT_EQ(references("__${a.b}_____${x y}"), want);
}

}  // namespace utakata
