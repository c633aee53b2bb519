#include "realtime/roster/words.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace utakata::realtime {
namespace {

using Kind = RosterEntry::Kind;

TEST(RosterWords, what_is_written_is_read) {
  const RosterWord ask{
      .kind = RosterWord::Kind::ask, .from = "a", .number = 300, .whom = {"b", "c"}};
  const std::string asked = write_roster_word(ask);
  const auto read = read_roster_word(asked);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->from, "a");
  EXPECT_EQ(read->number, 300u);
  EXPECT_EQ(read->whom, (std::vector<std::string_view>{"b", "c"}));
  EXPECT_FALSE(read->is_ready);
  const std::string part = write_roster_word(
      {.kind = RosterWord::Kind::snapshot, .from = "a", .is_ready = true, .part = 2, .parts = 5});
  EXPECT_EQ(read_roster_word(part)->part, 2u);
  EXPECT_EQ(read_roster_word(part)->parts, 5u);
  EXPECT_TRUE(read_roster_word(part)->is_ready);
}

TEST(RosterWords, what_is_not_whole_or_of_another_version_is_not_understood) {
  RosterEntries entries;
  entries.add({.tenant = "1", .channel = "news", .readers = 3});
  entries.add({.kind = Kind::joins, .tenant = "1", .channel = "x", .user = "u", .info = "{}"});
  entries.add({.kind = Kind::removes, .tenant = "1", .channel = "sync-a", .key = "bob"});
  entries.add({.kind = Kind::puts, .tenant = "1", .channel = "sync-a", .key = "ann", .value = "5"});
  const std::string good =
      write_roster_word({.kind = RosterWord::Kind::changes, .from = "a"}, entries.take().at(0));
  ASSERT_TRUE(read_roster_word(good));
  std::string other = good;
  other[1] = 2;
  EXPECT_FALSE(read_roster_word(other)) << "of another version";
  EXPECT_FALSE(read_roster_word(good + 'R'));
  EXPECT_FALSE(read_roster_word(good + "L\x05gone"));
  EXPECT_FALSE(read_roster_word(good + "G\x05gone"));
  EXPECT_FALSE(read_roster_word(good + "P\x04gone\x02v"));
  EXPECT_FALSE(read_roster_word(write_roster_word({.from = ""})));
  EXPECT_FALSE(read_roster_word(write_roster_word({.from = "a"}) + "T"));
  EXPECT_FALSE(read_roster_word(
      write_roster_word({.kind = RosterWord::Kind::snapshot, .from = "a", .part = 5, .parts = 5})));
  EXPECT_FALSE(read_roster_word(
      write_roster_word({.kind = RosterWord::Kind::changes, .from = "a"}, std::string("R\1", 2))))
      << "of no channel";
  EXPECT_FALSE(read_roster_word(good + std::string(roster_body_bytes_max, 'x')));
}

TEST(RosterWords, entries_are_cut_into_bodies_that_are_read_each_alone) {
  RosterEntries entries;
  const std::string info(1000, 'i');
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(entries.add({.kind = Kind::joins,
                             .tenant = "1",
                             .channel = "presence-a",
                             .user = std::to_string(i),
                             .info = info}));
  EXPECT_FALSE(entries.add({.kind = Kind::joins,
                            .tenant = "1",
                            .channel = "presence-a",
                            .user = "large",
                            .info = std::string(roster_body_bytes, 'i')}));
  int next = 0;
  const auto texts = entries.take();
  EXPECT_EQ(texts.size(), 3u);
  for (const std::string& text : texts) {
    const std::string body =
        write_roster_word({.kind = RosterWord::Kind::changes, .from = std::string(100, 'a')}, text);
    EXPECT_LE(body.size(), roster_body_bytes);
    const auto word = read_roster_word(body);
    ASSERT_TRUE(word);
    for (const RosterEntry& entry : word->entries) {
      EXPECT_EQ(entry.channel, "presence-a");
      EXPECT_EQ(entry.user, std::to_string(next++));
    }
  }
  EXPECT_EQ(next, 100);
  EXPECT_EQ(entries.take(), std::vector<std::string>{""}) << "nothing is left of it";
}

TEST(RosterWords, any_entries_come_back_as_they_were) {
  EXPECT_TRUE(rc::check([] {
    struct Own {
      Kind kind;
      std::string tenant, channel, user{}, info{}, key{}, value{};
      std::size_t readers = 0;
    };
    std::vector<Own> all;
    RosterEntries entries;
    for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
      const auto text = [](std::size_t least) {
        return std::string(*rc::gen::inRange<std::size_t>(least, 300),
                           *rc::gen::element('a', 'b', '\0'));
      };
      Own own{.kind = *rc::gen::element(Kind::reads, Kind::joins, Kind::leaves, Kind::puts,
                                        Kind::removes),
              .tenant = text(1),
              .channel = text(1)};
      if (own.kind == Kind::reads) own.readers = *rc::gen::inRange<std::size_t>(0, 1u << 20);
      if (own.kind == Kind::joins || own.kind == Kind::leaves) own.user = text(0);
      if (own.kind == Kind::joins) own.info = text(0);
      if (own.kind == Kind::puts || own.kind == Kind::removes) own.key = text(0);
      if (own.kind == Kind::puts) own.value = text(0);
      RC_ASSERT(entries.add({own.kind, own.tenant, own.channel, own.readers, own.user, own.info,
                             own.key, own.value}));
      all.push_back(std::move(own));
    }
    const auto texts = entries.take();
    RC_ASSERT(texts.size() == 1u);
    std::string body =
        write_roster_word({.kind = RosterWord::Kind::changes, .from = "a"}, texts[0]);
    const auto word = read_roster_word(body);
    RC_ASSERT(word.has_value());
    RC_ASSERT(word->entries.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const RosterEntry& got = word->entries[i];
      RC_ASSERT(got.kind == all[i].kind);
      RC_ASSERT(got.tenant == all[i].tenant);
      RC_ASSERT(got.channel == all[i].channel);
      RC_ASSERT(got.user == all[i].user);
      RC_ASSERT(got.info == all[i].info);
      RC_ASSERT(got.key == all[i].key);
      RC_ASSERT(got.value == all[i].value);
      RC_ASSERT(got.readers == all[i].readers);
    }
    // Bytes that others changed: understood or not, nothing is read beyond them.
    if (body.size() > 4) body[*rc::gen::inRange<std::size_t>(0, body.size())] ^= 0x41;
    const std::string copy(body.data(), *rc::gen::inRange<std::size_t>(0, body.size() + 1));
    if (const auto changed = read_roster_word(copy))
      for (const RosterEntry& entry : changed->entries) RC_ASSERT(!entry.channel.empty());
  }));
}

}  // namespace
}  // namespace utakata::realtime
