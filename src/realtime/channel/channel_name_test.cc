#include "realtime/channel/channel_name.h"

#include <gtest/gtest.h>

#include <string>

namespace utakata::realtime {
namespace {

TEST(ChannelName, the_prefix_says_what_a_channel_is) {
  using enum ChannelAccess;
  struct Case {
    const char* name;
    ChannelKind kind;
  };
  for (const Case& c :
       {Case{"lobby", {open, false, false}}, Case{"cache-lobby", {open, true, false}},
        Case{"private-lobby", {private_, false, false}},
        Case{"private-cache-lobby", {private_, true, false}},
        Case{"private-encrypted-lobby", {private_, false, true}},
        Case{"private-encrypted-cache-lobby", {private_, true, true}},
        Case{"presence-lobby", {presence, false, false}},
        Case{"presence-cache-lobby", {presence, true, false}},
        Case{"presence-encrypted-lobby", {presence, false, false}},
        Case{"sync-lobby", {.is_sync = true}},
        Case{"private-sync-lobby", {.access = private_, .is_sync = true}},
        Case{"presence-sync-lobby", {.access = presence, .is_sync = true}},
        Case{"private-encrypted-sync-lobby", {.access = private_, .is_encrypted = true}},
        Case{"cache-sync-lobby", {.is_cache = true}}, Case{"sync", {}}, Case{"my-sync-lobby", {}},
        Case{"lobby-private-x", {open, false, false}}, Case{"private", {open, false, false}}})
    EXPECT_EQ(channel_kind(c.name), c.kind) << c.name;
}

TEST(ChannelName, letters_digits_and_seven_signs_may_be_in_it_200_at_most) {
  for (const char* good : {"a", "Aa9_-=@,.;", "presence-game.1@eu"})
    EXPECT_TRUE(is_channel_name(good)) << good;
  for (const char* bad : {"", "a b", "a/b", "a:b", "#a", "\xc3\xa4", "a\n"})
    EXPECT_FALSE(is_channel_name(bad)) << bad;
  EXPECT_TRUE(is_channel_name(std::string(200, 'x')));
  EXPECT_FALSE(is_channel_name(std::string(201, 'x')));
}

}  // namespace
}  // namespace utakata::realtime
