#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "realtime/channel/sync.h"
#include "realtime/channel/sync_for_tests.h"

namespace utakata::realtime {
namespace {

// The higher its number, the elder it is; this one is between 1 and 2.
const SyncState::Precedes precedes = [](Process one, Process other) {
  const auto age = [](Process process) { return process == 0 ? 3 : 2 * process; };
  return age(one) > age(other);
};

std::string own_changes(SyncState& state) {
  std::string text;
  state.take_own_changes([&](const std::string& key, const std::string* value) {
    text += key + (value ? "=" + *value : " gone") + ";";
  });
  return text;
}

TEST(SyncElsewhere, what_others_put_is_told_here_and_only_what_is_put_here_is_told_to_them) {
  SyncState state({}, &precedes);
  state.put_elsewhere(2, "bob", "1");
  ASSERT_TRUE(state.put("ann", "5", 1));
  EXPECT_EQ(state.tick(), R"({"ann":5,"bob":1})");
  EXPECT_EQ(own_changes(state), "ann=5;");
  EXPECT_EQ(own_changes(state), "");
  ASSERT_TRUE(state.put("ann", "5", 1));
  state.put_elsewhere(2, "bob", "1");
  EXPECT_FALSE(state.has_changed()) << "all is as it was";
  state.remove_elsewhere(3, "bob");
  EXPECT_EQ(state.put("bob", "2", 1).error().kind, Problem::Kind::conflict);
  state.remove("bob", 1);
  EXPECT_FALSE(state.has_changed()) << "it is another's";
  state.remove_all_of(1);
  state.forget(2);
  EXPECT_EQ(state.tick(), R"({"ann":null,"bob":null})");
  EXPECT_EQ(own_changes(state), "ann gone;");
  EXPECT_TRUE(state.is_over());
}

TEST(SyncElsewhere, where_nobody_hears_it_what_was_told_is_known_all_the_same) {
  SyncState state({}, &precedes);
  state.put_elsewhere(2, "bob", "1");
  EXPECT_EQ(state.tick(false), "");
  EXPECT_EQ(state.whole(), R"({"bob":1})");
  state.remove_elsewhere(2, "bob");
  EXPECT_EQ(state.tick(false), "");
  EXPECT_TRUE(state.is_over());
}

TEST(SyncElsewhere, of_two_that_put_a_key_at_once_the_elder_keeps_it_and_we_give_way) {
  SyncState state({}, &precedes);
  ASSERT_TRUE(state.put("k", "0", 1));
  ASSERT_TRUE(state.put("mine", "0", 1));
  state.tick(), own_changes(state);
  state.put_elsewhere(1, "k", "1");  // younger
  EXPECT_EQ(state.tick() + own_changes(state), "");
  state.put_elsewhere(4, "k", "4");
  EXPECT_EQ(state.tick(), R"({"k":4})");
  EXPECT_EQ(own_changes(state), "k gone;");
  state.put_elsewhere(5, "k", "5");
  state.put_elsewhere(4, "k", "44");
  state.put_elsewhere(3, "k", "3");
  EXPECT_EQ(state.tick(), R"({"k":5})");
  state.forget(5);
  EXPECT_EQ(state.tick(), R"({"k":44})") << "the next in age, as it is by now";
  state.remove_elsewhere(3, "k");
  state.remove_elsewhere(4, "k");
  EXPECT_EQ(state.tick(), R"({"k":1})");
  state.forget(1);
  EXPECT_EQ(state.tick(), R"({"k":null})");
  ASSERT_TRUE(state.put("k", "6", 2));
  EXPECT_EQ(state.whole(), R"({"mine":0})");
}

TEST(SyncElsewhere, limits_are_those_of_all_and_the_youngest_takes_back_what_is_too_much) {
  SyncState state({.keys = 4, .keys_of_owner = 3, .bytes = 11}, &precedes);
  ASSERT_TRUE(state.put("a", "1", 1) && state.put("b", "1", 1) && state.put("c", "1", 1));
  state.tick(), own_changes(state);
  state.put_elsewhere(2, "d", "1");
  EXPECT_FALSE(state.put("e", "1", 2)) << "four in all";
  state.put_elsewhere(2, "e", "1");
  EXPECT_EQ(state.tick(), R"({"c":null,"d":1,"e":1})");
  EXPECT_EQ(own_changes(state), "c gone;");
  state.put_elsewhere(2, "e", "12345");
  EXPECT_EQ(state.tick(), R"({"b":null,"e":12345})") << "bytes";
  state.put_elsewhere(1, "f", "12345");
  EXPECT_EQ(state.tick(), R"({"f":12345})") << "a younger one is to take it back";
  for (const char* key : {"g", "h", "i", "j"}) state.put_elsewhere(1, key, "1");
  EXPECT_EQ(state.tick(), R"({"g":1,"h":1,"i":1})") << "nobody has more than a channel may have";
  state.forget(1);
  EXPECT_EQ(state.tick(), R"({"f":null,"g":null,"h":null,"i":null})") << "now there is room";
}

// A cluster of three whose words arrive each in the order of its sender, and sooner or later.
struct Cluster {
  static constexpr SyncLimits limits{.keys = 6, .keys_of_owner = 3, .bytes = 14};
  struct Word {
    Process from = 0;
    std::string key;
    std::optional<std::string> value;
  };
  struct One {
    Process id = 0;
    SyncState::Precedes precedes;
    std::unique_ptr<SyncState> state;
    std::map<Process, std::deque<Word>> inbox;
    SyncBelief belief;
  };
  std::map<Process, One> all;

  Cluster() {
    for (const Process id : {1, 2, 3}) {
      One& one = all[id];
      one.id = id;
      // Numbers are ages; others call each by its own, and itself 0.
      one.precedes = [id](Process first, Process second) {
        return (first ? first : id) < (second ? second : id);
      };
      one.state = std::make_unique<SyncState>(limits, &one.precedes);
    }
  }
  void ticks(One& one) {
    hear_sync(one.state->tick(), one.belief);
    one.state->take_own_changes([&](const std::string& key, const std::string* value) {
      for (auto& [id, other] : all)
        if (id != one.id)
          other.inbox[one.id].push_back(
              {one.id, key, value ? std::optional(*value) : std::nullopt});
    });
  }
  void hears(One& one, Process from) {
    auto& words = one.inbox[from];
    if (words.empty()) return;
    const Word word = std::move(words.front());
    words.pop_front();
    if (word.value)
      one.state->put_elsewhere(from, word.key, *word.value);
    else
      one.state->remove_elsewhere(from, word.key);
  }
  void settles() {
    for (int i = 0; i < 20; ++i)
      for (auto& [id, one] : all) {
        for (const Process from : {1, 2, 3})
          while (!one.inbox[from].empty()) hears(one, from);
        ticks(one);
      }
  }
};

TEST(SyncElsewhereLaws, when_all_is_heard_all_have_the_same_each_key_once_and_within_limits) {
  EXPECT_TRUE(rc::check([] {
    Cluster cluster;
    for (int i = *rc::gen::inRange(0, 80); i > 0 && !cluster.all.empty(); --i) {
      auto each = cluster.all.begin();
      std::advance(each, *rc::gen::inRange<std::size_t>(0, cluster.all.size()));
      Cluster::One& one = each->second;
      const auto client = *rc::gen::inRange<ClientSlot>(0, 2);
      const auto key = *rc::gen::element<std::string>("a", "b", "c", "d", "e", "f", "g");
      switch (*rc::gen::weightedElement<int>({{8, 0}, {3, 1}, {1, 2}, {6, 3}, {8, 4}, {1, 5}})) {
        case 0:
          (void)one.state->put(key, *rc::gen::element<std::string>("1", "2", "[3]"), client);
          break;
        case 1:
          one.state->remove(key, client);
          break;
        case 2:
          one.state->remove_all_of(client);
          break;
        case 3:
          cluster.ticks(one);
          break;
        case 4:
          cluster.hears(one, *rc::gen::inRange<Process>(1, 4));
          break;
        default: {  // it dies, and what it said is not heard any more
          const Process gone = one.id;
          cluster.all.erase(each);
          for (auto& [id, other] : cluster.all) {
            other.inbox.erase(gone);
            other.state->forget(gone);
          }
        }
      }
    }
    cluster.settles();
    SyncBelief truth;
    std::size_t bytes = 0;
    for (auto& [id, one] : cluster.all)
      one.state->each_own([&](const std::string& key, const std::string* value) {
        RC_ASSERT(truth.emplace(key, *value).second);
        bytes += key.size() + value->size();
      });
    RC_ASSERT(truth.size() <= Cluster::limits.keys && bytes <= Cluster::limits.bytes);
    for (auto& [id, one] : cluster.all) {
      RC_ASSERT(one.belief == truth);
      SyncBelief late;
      hear_sync(one.state->whole(), late);
      RC_ASSERT(late == truth);
      RC_ASSERT(!one.state->has_changed());
    }
  }));
}

}  // namespace
}  // namespace utakata::realtime
