#include "fleet/store/etcd/row_text.h"

#include <gtest/gtest.h>

#include "fleet/store/etcd/batch_writes.h"

namespace utakata::etcd {
namespace {

TEST(EtcdRowText, an_instance_reads_well_and_comes_back_whole) {
  Instance one;
  one.id = {"game-7"};
  one.lifecycle = Lifecycle::draining;
  one.version = "ab12";
  one.address = {"10.0.0.5", 20001};
  one.drain_cause = DrainCause::by_hand;
  one.drain_left = 90'500ms;
  const auto text = row_text(one);
  EXPECT_EQ(text, R"({"lifecycle":"draining","version":"ab12","host":"10.0.0.5","port":20001,)"
                  R"("drain_cause":"by_hand","drain_left_ms":90500})");
  const auto read = instance_from("game-7", text);
  ASSERT_TRUE(read);
  EXPECT_EQ(row_text(*read), text);
  EXPECT_EQ(read->drain_left, 90'500ms);
  EXPECT_EQ(read->address, one.address);
}

TEST(EtcdRowText, bytes_that_are_no_text_come_back_unchanged) {
  Instance one;
  one.token_hash = std::string("\0\xff'\"", 4);
  EXPECT_EQ(instance_from("i", row_text(one))->token_hash, one.token_hash);
}

TEST(EtcdRowText, a_field_of_a_newer_program_is_passed_over) {
  EXPECT_TRUE(instance_from("i", R"({"lifecycle":"serving","mood":{"good":[1]}})"));
}

TEST(EtcdRowText, damage_is_noticed) {
  for (const char* text :
       {"", "{", "[]", "7", "{}", R"({"lifecycle":"asleep"})",
        R"({"lifecycle":"serving","port":65536})", R"({"lifecycle":"serving","port":-1})",
        R"({"lifecycle":"serving","url":7})", R"({"lifecycle":"serving","url":{"base64":"?"}})",
        R"({"lifecycle":"serving","drain_left_ms":18446744073709551615})",
        R"({"lifecycle":"serving","drain_left_ms":1.5})",
        R"({"lifecycle":"serving","closes_begun":"yes"})"})
    EXPECT_FALSE(instance_from("i", text)) << text;
  EXPECT_FALSE(cluster_from("c", R"({"next_number":-1})"));
  EXPECT_FALSE(activity_from(1, R"({"phase":"later"})"));
  EXPECT_FALSE(counter_from(R"({"number":1,"recent":[1]})"));
  EXPECT_FALSE(counter_from(R"({"number":1,"spreading":[]})"));
  EXPECT_FALSE(part_from(R"({"writes":[{}]})"));
  EXPECT_FALSE(format_from(R"({"format":1,"stack":"a"})"));
  EXPECT_EQ(format_from(format_text("a"))->stack, "a");
}

TEST(EtcdRowText, a_counter_and_a_part_come_back_as_they_were) {
  const Counter counter{.number = 9,
                        .recent = {{"a", 1}, {"b", 7}},
                        .spreading = Counter::Spread{.token = "b", .first = 7, .parts = 2}};
  EXPECT_EQ(counter_from(row_text(counter)), counter);
  EXPECT_EQ(counter_from(row_text(Counter{})), Counter{});
  const Part part{.activities_before = 3,
                  .writes = {{.key = "", .value = "{\"a\":\"\\n\"}"},
                             {.key = "/k", .value = std::nullopt},
                             {.key = "/l", .value = std::string("\xff\0", 2)}}};
  EXPECT_EQ(part_from(part_text(part)), part);
}

TEST(EtcdBatchWrites, activities_come_first_and_the_last_row_of_an_instance_counts) {
  Batch batch;
  batch.activities.resize(2);
  batch.activities[0].kind = "launch";
  Instance one;
  one.id = {"game-1"};
  batch.instances.push_back({"game", one});
  one.lifecycle = Lifecycle::gone;
  batch.instances.push_back({"game", one});
  batch.clusters.push_back({"game", {}, 2});
  const Keys keys{etcd_root("show")};
  const auto writes = writes_of(keys, batch, "a");
  ASSERT_EQ(writes.size(), 4u);
  EXPECT_TRUE(writes[0].is_activity() && writes[1].is_activity());
  EXPECT_TRUE(writes[0].value->ends_with(R"("kind":"launch","by":"utakata","controller":"a"})"))
      << *writes[0].value;
  EXPECT_EQ(writes[2].key, "/utakata/show/clusters/game");
  EXPECT_EQ(writes[3], (Write{.key = "/utakata/show/instances/game/game-1", .value = {}}));
}

TEST(EtcdBatchWrites, parts_keep_order_and_cap_and_know_the_activities_before_them) {
  std::vector<Write> writes;
  for (int i = 0; i < 7; ++i) writes.push_back({.key = "", .value = std::string(200, 'x')});
  writes.push_back({.key = "/big", .value = std::string(5000, 'x')});
  writes.push_back({.key = "/k", .value = {}});
  const auto parts = parts_of(writes, 1000);
  std::vector<Write> again;
  std::int64_t activities = 0;
  for (const Part& part : parts) {
    EXPECT_EQ(part.activities_before, activities);
    std::size_t bytes = 0;
    for (const Write& write : part.writes) {
      activities += write.is_activity();
      bytes += bytes_of(write);
      again.push_back(write);
    }
    EXPECT_TRUE(bytes <= 1000 || part.writes.size() == 1);
  }
  EXPECT_EQ(again, writes);
  EXPECT_EQ(parts.size(), 5u);
}

}  // namespace
}  // namespace utakata::etcd
