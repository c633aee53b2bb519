#include "realtime/channel/sync.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

#include "realtime/channel/sync_for_tests.h"

namespace utakata::realtime {
namespace {

TEST(SyncState, what_changed_since_the_last_tick_goes_out_together_the_newest_of_each) {
  SyncState state;
  EXPECT_EQ(state.tick(), "");
  EXPECT_TRUE(state.put("bob", R"({"x": 1})", 2));
  EXPECT_TRUE(state.put("ann", "1", 1));
  EXPECT_TRUE(state.put("ann", "2", 1));
  EXPECT_EQ(state.whole(), "{}") << "the tick tells it";
  EXPECT_EQ(state.tick(), R"({"ann":2,"bob":{"x": 1}})");
  EXPECT_EQ(state.tick(), "");
  EXPECT_TRUE(state.put("ann", "3", 1));
  EXPECT_TRUE(state.put("ann", "2", 1));
  EXPECT_EQ(state.tick(), "") << "it is as it was";
  EXPECT_EQ(state.whole(), R"({"ann":2,"bob":{"x": 1}})");
  state.remove("bob", 1);
  EXPECT_EQ(state.tick(), "") << "it is not hers";
  state.remove_all_of(2);
  EXPECT_TRUE(state.put("a\"b", "7", 2));
  EXPECT_EQ(state.tick(), R"({"a\"b":7,"bob":null})");
  EXPECT_TRUE(state.put("short", "1", 1));
  state.remove("short", 1);
  EXPECT_EQ(state.tick(), "") << "it came and went";
  state.remove_all_of(1), state.remove_all_of(2);
  EXPECT_FALSE(state.is_over()) << "that is still to be told";
  state.tick();
  EXPECT_TRUE(state.is_over());
}

TEST(SyncState, a_key_is_whose_who_put_it_until_it_is_gone) {
  SyncState state;
  ASSERT_TRUE(state.put("ann", "1", 1));
  EXPECT_EQ(state.put("ann", "2", 2).error().kind, Problem::Kind::conflict);
  state.remove_all_of(1);
  ASSERT_TRUE(state.put("ann", "4", 2));
  EXPECT_EQ(state.tick(), R"({"ann":4})");
}

TEST(SyncState, it_is_bounded_and_what_is_refused_changes_nothing) {
  SyncState state({.keys = 3, .keys_of_owner = 2, .key_bytes = 4, .value_bytes = 5, .bytes = 12});
  for (const auto& [key, value] : {std::pair("", "1"), {"12345", "1"}, {"k", "123456"}, {"k", ""}})
    EXPECT_EQ(state.put(key, value, 1).error().kind, Problem::Kind::refused) << key << value;
  EXPECT_TRUE(state.put("a", "1", 1));
  EXPECT_TRUE(state.put("b", "1", 1));
  EXPECT_FALSE(state.put("c", "1", 1)) << "two for each";
  EXPECT_TRUE(state.put("c", "1", 2));
  EXPECT_FALSE(state.put("d", "1", 2)) << "three in all";
  EXPECT_TRUE(state.put("a", "12345", 1)) << "ten bytes";
  EXPECT_FALSE(state.put("b", "1234", 1)) << "thirteen";
  EXPECT_TRUE(state.put("b", "123", 1)) << "twelve";
  state.remove("a", 1);
  EXPECT_TRUE(state.put("d", "1", 2)) << "there is room again";
  EXPECT_EQ(state.tick(), R"({"b":123,"c":1,"d":1})");
}

// Who has heard whole() once and every tick since has what is there.
TEST(SyncStateLaws, who_hears_every_tick_has_all_whenever_it_came) {
  EXPECT_TRUE(rc::check([] {
    SyncState state({.keys = 4, .keys_of_owner = 2});
    std::map<std::string, std::pair<std::string, ClientSlot>> there;
    SyncBelief early, late;
    bool has_come = false;
    for (int i = *rc::gen::inRange(0, 80); i > 0; --i) {
      const auto owner = *rc::gen::inRange<ClientSlot>(0, 3);
      const auto key = *rc::gen::element<std::string>("a", "b", "c", "d", "e");
      const auto known = there.find(key);
      const auto owned = std::size_t(std::ranges::count_if(
          there, [&](const auto& one) { return one.second.second == owner; }));
      switch (*rc::gen::inRange(0, 5)) {
        case 0:
        case 1: {
          const auto value = *rc::gen::element<std::string>("1", "2", "[3]");
          const bool is_well =
              known != there.end() ? known->second.second == owner : there.size() < 4 && owned < 2;
          RC_ASSERT(state.put(key, value, owner).has_value() == is_well);
          if (is_well) there[key] = {value, owner};
          break;
        }
        case 2:
          state.remove(key, owner);
          if (known != there.end() && known->second.second == owner) there.erase(known);
          break;
        case 3:
          state.remove_all_of(owner);
          std::erase_if(there, [&](const auto& one) { return one.second.second == owner; });
          break;
        default: {
          if (!has_come && *rc::gen::arbitrary<bool>())
            has_come = true, hear_sync(state.whole(), late);
          const std::string told = state.tick();
          hear_sync(told, early);
          if (has_come) hear_sync(told, late);
          RC_ASSERT(std::ranges::equal(early, there, [](const auto& one, const auto& other) {
            return one.first == other.first && one.second == other.second.first;
          }));
          if (has_come) RC_ASSERT(late == early);
        }
      }
    }
  }));
}

}  // namespace
}  // namespace utakata::realtime
