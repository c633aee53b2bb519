// What every store promises, as tests asked of each kind: include it in one test file of the kind,
// and say by INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values(...),
// store_kind_name) how that is opened.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "fleet/store/store.h"

namespace utakata {

struct StoreKind {
  std::string name;
  std::function<std::string()> why_not;  // on this machine; empty: it can be tested
  // Called once a test; what it gives opens the test's own store, and opens it again in the
  // controller's next life, when the one before is gone.
  std::function<std::function<std::unique_ptr<Store>()>()> make;
};
inline std::string store_kind_name(const ::testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}
inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

class StoreContract : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    if (const auto why_not = GetParam().why_not(); !why_not.empty()) GTEST_SKIP() << why_not;
    open_ = GetParam().make();
    reopen();
  }
  // A new life of the controller.
  void reopen() {
    store_.reset();
    store_ = open_();
    ASSERT_TRUE(store_) << "it does not open";
  }
  std::vector<std::int64_t> numbers(const ActivityQuery& query) {
    std::vector<std::int64_t> all;
    const auto found = store_->activities(query);
    EXPECT_TRUE(found);
    for (const auto& one : *found) all.push_back(one.number);
    return all;
  }

  std::function<std::unique_ptr<Store>()> open_;
  std::unique_ptr<Store> store_;
};

inline Activity an_activity(std::string cluster, std::string instance, std::string kind) {
  Activity one;
  one.at = WallTime{std::chrono::milliseconds{1'767'225'600'123}};
  one.cluster = std::move(cluster);
  one.instance = std::move(instance);
  one.kind = std::move(kind);
  one.because = "62 connections each, target 50 — \"twice\"\n";
  one.limited_by = "step 25 %";
  return one;
}

inline Instance an_instance(std::string id, Lifecycle lifecycle) {
  Instance one;
  one.id = {std::move(id)};
  one.lifecycle = lifecycle;
  one.version = "ab12";
  return one;
}

TEST_P(StoreContract, everything_recorded_of_an_instance_is_there_in_the_next_life) {
  Instance whole = an_instance("game-7", Lifecycle::draining);
  whole.handle = "pid 812 started 93112";
  whole.address = {"203.0.113.9", 65535};
  whole.host = "worker-2";
  whole.zone = "eu-1a";
  whole.url = "ws://203.0.113.9:65535/?t=${ticket}";
  whole.token_hash = std::string("\x00\xff'\"", 4);
  whole.drain_cause = DrainCause::by_hand;
  whole.drain_left = 90'500ms;
  whole.closes_begun = true;
  whole.count = Count{.connections = 12, .at = {}};  // seen, not recorded
  whole.misses = 2;
  Batch batch{.activities = {}, .instances = {{"game", whole}}, .clusters = {}};
  ASSERT_TRUE(store_->record(batch));
  reopen();
  const auto saved = store_->load();
  ASSERT_TRUE(saved);
  ASSERT_EQ(saved->instances.size(), 1u);
  const Instance& read = saved->instances[0].instance;
  EXPECT_EQ(saved->instances[0].cluster, "game");
  EXPECT_EQ(read.id, whole.id);
  EXPECT_EQ(read.version, whole.version);
  EXPECT_EQ(read.lifecycle, whole.lifecycle);
  EXPECT_EQ(read.handle, whole.handle);
  EXPECT_EQ(read.address, whole.address);
  EXPECT_EQ(read.host, whole.host);
  EXPECT_EQ(read.zone, whole.zone);
  EXPECT_EQ(read.url, whole.url);
  EXPECT_EQ(read.token_hash, whole.token_hash);
  EXPECT_EQ(read.drain_cause, whole.drain_cause);
  EXPECT_EQ(read.drain_left, whole.drain_left);
  EXPECT_TRUE(read.closes_begun);
  EXPECT_FALSE(read.count);
  EXPECT_EQ(read.misses, 0);
}

TEST_P(StoreContract, every_lifecycle_and_cause_is_read_back_as_written) {
  Batch batch;
  for (const auto lifecycle :
       {Lifecycle::starting, Lifecycle::serving, Lifecycle::draining, Lifecycle::stopping})
    for (const auto cause : {DrainCause::scale_in, DrainCause::rollout, DrainCause::by_hand,
                             DrainCause::healing, DrainCause::shutdown}) {
      const std::string id = std::string("c-") + to_text(lifecycle) + to_text(cause);
      batch.instances.push_back({"c", an_instance(id, lifecycle)});
      batch.instances.back().instance.drain_cause = cause;
    }
  ASSERT_TRUE(store_->record(batch));
  reopen();
  const auto saved = store_->load();
  ASSERT_TRUE(saved);
  ASSERT_EQ(saved->instances.size(), 20u);
  for (const auto& [cluster, one] : saved->instances)
    EXPECT_EQ(one.id.text, std::string("c-") + to_text(one.lifecycle) + to_text(*one.drain_cause));
}

TEST_P(StoreContract, gone_instances_are_not_loaded_and_a_row_is_replaced_whole) {
  Batch first{.activities = {},
              .instances = {{"game", an_instance("game-1", Lifecycle::serving)},
                            {"game", an_instance("game-2", Lifecycle::draining)}},
              .clusters = {}};
  first.instances[1].instance.drain_left = 5s;
  ASSERT_TRUE(store_->record(first));
  Batch second{.activities = {},
               .instances = {{"game", an_instance("game-1", Lifecycle::gone)},
                             {"game", an_instance("game-2", Lifecycle::serving)}},
               .clusters = {}};
  ASSERT_TRUE(store_->record(second));
  const auto saved = store_->load();
  ASSERT_TRUE(saved);
  ASSERT_EQ(saved->instances.size(), 1u);
  EXPECT_EQ(saved->instances[0].instance.id.text, "game-2");
  EXPECT_FALSE(saved->instances[0].instance.drain_left);
}

TEST_P(StoreContract, clusters_and_settings_are_there_in_the_next_life) {
  Batch batch;
  const Desired asked{
      .by_hand = 4, .shutting_down = true, .down_now = true, .down_deadline = 90s, .restarts = 3};
  batch.clusters = {{"game", asked, 19}, {"lobby", {}, 1}};
  ASSERT_TRUE(store_->record(batch));
  ASSERT_TRUE(store_->set("admin_token", "old"));
  ASSERT_TRUE(store_->set("admin_token", "new"));
  const auto before = store_->load();
  ASSERT_TRUE(before);
  reopen();
  const auto saved = store_->load();
  ASSERT_TRUE(saved);
  EXPECT_FALSE(saved->fleet_id.empty());
  EXPECT_EQ(saved->fleet_id, before->fleet_id);
  ASSERT_EQ(saved->clusters.size(), 2u);
  EXPECT_EQ(saved->clusters[0].cluster, "game");
  EXPECT_EQ(saved->clusters[0].desired, asked);
  EXPECT_EQ(saved->clusters[0].next_number, 19);
  EXPECT_EQ(saved->clusters[1].desired, Desired{});
  ASSERT_EQ(saved->settings.size(), 1u);
  EXPECT_EQ(saved->settings[0], (std::pair<std::string, std::string>("admin_token", "new")));
}

TEST_P(StoreContract, activities_get_rising_numbers_and_are_read_back_whole) {
  Activity cut = an_activity("game", "game-1", "stop");
  cut.phase = Activity::Phase::outcome;
  cut.by = "operator";
  cut.cut = 12;
  Batch batch{
      .activities = {an_activity("game", "", "scale"), cut}, .instances = {}, .clusters = {}};
  ASSERT_TRUE(store_->record(batch));
  EXPECT_EQ(batch.activities[0].number, 1);
  EXPECT_EQ(batch.activities[1].number, 2);
  reopen();
  const auto read = store_->activities({});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, batch.activities);
  Batch next{.activities = {an_activity("game", "", "scale")}, .instances = {}, .clusters = {}};
  ASSERT_TRUE(store_->record(next));
  EXPECT_EQ(next.activities[0].number, 3);
}

TEST_P(StoreContract, a_query_answers_the_newest_so_many_oldest_first) {
  Batch batch;
  for (int i = 1; i <= 9; ++i)
    batch.activities.push_back(an_activity(i % 2 ? "odd" : "even", i % 3 ? "" : "i-3", "scale"));
  ASSERT_TRUE(store_->record(batch));
  using Numbers = std::vector<std::int64_t>;
  EXPECT_EQ(numbers({}), (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(numbers({.cluster = "", .instance = "", .after = 0, .limit = 3}), (Numbers{7, 8, 9}));
  EXPECT_EQ(numbers({.cluster = "", .instance = "", .after = 7, .limit = 100}), (Numbers{8, 9}));
  EXPECT_EQ(numbers({.cluster = "even", .instance = "", .after = 0, .limit = 2}), (Numbers{6, 8}));
  EXPECT_EQ(numbers({.cluster = "", .instance = "i-3", .after = 0, .limit = 2}), (Numbers{6, 9}));
  EXPECT_EQ(numbers({.cluster = "odd", .instance = "i-3", .after = 3, .limit = 9}), (Numbers{9}));
  EXPECT_EQ(numbers({.cluster = "none", .instance = "", .after = 0, .limit = 9}), Numbers{});
  EXPECT_EQ(numbers({.cluster = "", .instance = "", .after = 0, .limit = 0}), Numbers{});
}

TEST_P(StoreContract, observations_are_read_back_oldest_first_with_their_bytes_unchanged) {
  const WallTime at{std::chrono::milliseconds{1'767'225'600'123}};
  const std::string bytes("\x01\x00\xff\x80 blob", 9);
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(
        store_->observe(i % 2 ? "game" : "lobby", at + i * 1000ms, bytes + std::to_string(i)));
  ASSERT_TRUE(store_->observe("game", at + 60'000ms, ""));
  reopen();
  const auto game = store_->observations("game", 0, 3);
  ASSERT_TRUE(game);
  ASSERT_EQ(game->size(), 3u);
  EXPECT_EQ((*game)[0].blob, bytes + "1");
  EXPECT_EQ((*game)[0].at, at + 1000ms);
  EXPECT_EQ((*game)[2].blob, bytes + "5");
  const auto rest = store_->observations("game", (*game)[2].number, 100);
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ((*rest)[0].blob, "");
  EXPECT_EQ(store_->observations("", 0, 100)->size(), 7u);
}

}  // namespace utakata
