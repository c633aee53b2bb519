#include <gtest/gtest.h>

#include <memory>

#include "fleet/store/memory.h"
#include "fleet/store/sqlite/sqlite_store.h"
#include "fleet/store/sqlite/temporary_folder.h"
#include "fleet/store/store_contract.h"

namespace utakata {
namespace {

// Stands for a store that survived its controller: its rows are kept beside it.
class SurvivingStore final : public Store {
 public:
  explicit SurvivingStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  Expected<Saved> load() override { return store_->load(); }
  Expected<void> record(Batch& batch) override { return store_->record(batch); }
  Expected<void> set(std::string_view name, std::string_view text) override {
    return store_->set(name, text);
  }
  Expected<std::vector<Activity>> activities(const ActivityQuery& query) override {
    return store_->activities(query);
  }
  Expected<void> observe(std::string_view cluster, WallTime at, std::string_view blob) override {
    return store_->observe(cluster, at, blob);
  }
  Expected<std::vector<ObservationRow>> observations(std::string_view cluster, std::int64_t after,
                                                     int limit) override {
    return store_->observations(cluster, after, limit);
  }

 private:
  std::shared_ptr<Store> store_;
};

const StoreKind memory_kind{.name = "memory",
                            .why_not = [] { return std::string(); },
                            .make =
                                [] {
                                  const auto rows = std::make_shared<MemoryStore>();
                                  return [rows]() -> std::unique_ptr<Store> {
                                    return std::make_unique<SurvivingStore>(rows);
                                  };
                                }};

const StoreKind sqlite_kind{.name = "sqlite",
                            .why_not = [] { return std::string(); },
                            .make =
                                [] {
                                  const auto folder = std::make_shared<TemporaryFolder>();
                                  return [folder]() -> std::unique_ptr<Store> {
                                    auto opened = open_sqlite(folder->file("contract.db"));
                                    return opened ? std::move(*opened) : nullptr;
                                  };
                                }};

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values(memory_kind, sqlite_kind),
                         store_kind_name);

TEST(MemoryStore, the_nth_call_fails_and_keeps_nothing_and_the_same_call_works_after_it) {
  MemoryStore store;
  store.fail_at(2);
  Batch batch{.activities = {an_activity("game", "", "scale")},
              .instances = {{"game", an_instance("game-1", Lifecycle::starting)}},
              .clusters = {}};
  ASSERT_TRUE(store.load());
  const auto failed = store.record(batch);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, Problem::Kind::unavailable);
  EXPECT_TRUE(failed.error().retry);
  EXPECT_EQ(batch.activities[0].number, 0);
  EXPECT_TRUE(store.load()->instances.empty());
  ASSERT_TRUE(store.record(batch));
  EXPECT_EQ(batch.activities[0].number, 1);
  EXPECT_EQ(store.load()->instances.size(), 1u);
  EXPECT_EQ(store.calls().at(1), "record 1 activity, 1 instance, 0 clusters");
}

TEST(MemoryStore, a_full_store_reads_and_does_not_write) {
  MemoryStore store;
  store.set_full(true);
  EXPECT_FALSE(store.set("a", "b"));
  EXPECT_FALSE(store.observe("game", {}, "x"));
  EXPECT_TRUE(store.load());
  store.set_full(false);
  EXPECT_TRUE(store.set("a", "b"));
}

}  // namespace
}  // namespace utakata
