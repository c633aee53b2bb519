// A record that is read while somebody else holds and writes it.
#include "fleet/store/sqlite/record_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fleet/store/sqlite/sqlite_store.h"
#include "fleet/store/sqlite/temporary_folder.h"

namespace utakata {
namespace {

WallTime at(int second) { return WallTime{std::chrono::seconds{1'767'225'600 + second}}; }

TEST(RecordReader, reads_in_chunks_beside_the_store_that_is_held) {
  const TemporaryFolder folder;
  auto store = open_sqlite(folder.file("a.db"));
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->set("stack_file", "stack: a"));
  for (int second = 0; second < 20; ++second)
    ASSERT_TRUE((*store)->observe(second % 2 ? "game" : "lobby", at(second), "blob"));
  auto reader = RecordReader::open(folder.file("a.db"));
  ASSERT_TRUE(reader) << reader.error().what;
  EXPECT_EQ(*(*reader)->setting("stack_file"), "stack: a");
  EXPECT_EQ(*(*reader)->setting("absent"), "");
  const auto first = (*reader)->observations("", at(0), 0, 3);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 3u);
  EXPECT_EQ((*first)[1].cluster, "game");
  const auto next = (*reader)->observations("", at(0), first->back().number, 1);
  EXPECT_EQ((*next)[0].at, at(3));
  const auto later = (*reader)->observations("game", at(4), 0, 100);
  EXPECT_EQ((*later)[0].at, at(5));
  EXPECT_EQ((*later)[0].blob, "blob");
  for (int second = 20; second < 40; ++second)
    ASSERT_TRUE((*store)->observe("game", at(second), "blob"));
  EXPECT_GT((*reader)->observations("game", at(20), 0, 100)->size(), 10u) << "what came meanwhile";
}

TEST(RecordReader, what_is_no_store_is_refused_and_left_as_it_was) {
  const TemporaryFolder folder;
  EXPECT_EQ(RecordReader::open(folder.file("absent.db")).error().kind, Problem::Kind::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.file("absent.db")));
  std::ofstream(folder.file("text.db")) << std::string(5000, 'x');
  EXPECT_FALSE(RecordReader::open(folder.file("text.db")));
}

}  // namespace
}  // namespace utakata
