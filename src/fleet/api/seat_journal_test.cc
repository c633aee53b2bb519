// A controller dies at any moment; the next one finds the seats held and the keys where they were.
#include "fleet/api/seat_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "fleet/plan/place.h"

namespace utakata {
namespace {

PlacementView view_of(int instances, int capacity, Instant now) {
  PlacementView view;
  view.cluster = "game";
  view.capacity = capacity;
  view.hold = 60s;
  view.seats_per_key = 4;
  for (int i = 1; i <= instances; ++i) {
    Placeable instance;
    instance.identity = placeable_identity(fmt::format("game-{}", i));
    instance.open = instance.honours_keys = instance.count_known = true;
    instance.counted_at = now;
    view.instances.push_back(instance);
  }
  return view;
}

// One life of a controller: a ledger over the journal's file.
struct Life {
  explicit Life(const std::string& path, Instant now, SeatJournal::Options options = {4096})
      : journal(std::move(SeatJournal::open(path, options).value())),
        ledger({.seed = 3, .secret = journal->secret()}) {
    {
      const auto replay = ledger.replay(now);
      journal->replay(
          [&](std::string_view cluster) { return cluster == "game" ? replay.get() : nullptr; },
          now);
    }
    ledger.log_to(&journal->log_of("game"));
    journal->begin([this] { ledger.dump(journal->log_of("game")); });
  }
  // As the Api does, between two requests: tells again a little of what must be.
  void turn(int work = 50) {
    if (!is_retelling && !journal->snapshot_due()) return;
    if (!std::exchange(is_retelling, true)) {
      journal->snapshot_begin();
      telling = {.rooms_only = true};
    }
    if (ledger.tell(journal->log_of("game"), telling, work)) return;
    journal->snapshot_end();
    is_retelling = false;
    ++snapshots;
  }
  std::unique_ptr<SeatJournal> journal;
  PlacementLedger ledger;
  bool is_retelling = false;
  PlacementLedger::Telling telling;
  int snapshots = 0;
};

class Journal : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }
  const std::string path_ =
      fmt::format("{}/seats-{}-{}", testing::TempDir(), getpid(),
                  testing::UnitTest::GetInstance()->current_test_info()->name());
  Instant now_{1h};
};

TEST_F(Journal, holds_and_keys_are_found_by_the_next_life) {
  std::map<std::string, std::string> room_at;
  std::uint64_t given_back = 0, kept = 0;
  PlaceSecret secret;
  {
    Life life(path_, now_);
    EXPECT_FALSE(life.journal->has_past());
    secret = life.journal->secret();
    life.ledger.apply(view_of(3, 100, now_), now_);
    for (int i = 0; i < 30; ++i) {
      const std::string key = fmt::format("room-{}", i % 10);
      const auto grant = life.ledger.place({.key = key}, now_);
      room_at[key] = life.ledger.instance(grant->slot).identity->id.text;
    }
    for (int i = 0; i < 20; ++i) kept = life.ledger.place({}, now_)->number;
    given_back = life.ledger.place({}, now_)->number;
    EXPECT_TRUE(life.ledger.release(given_back, now_));
    EXPECT_TRUE(life.ledger.release_key("room-9"));
    room_at.erase("room-9");
    EXPECT_EQ(life.ledger.seats_held(), 9 * 4 + 20);
  }
  now_ += 2s;
  Life life(path_, now_);
  EXPECT_TRUE(life.journal->has_past());
  EXPECT_EQ(life.journal->secret(), secret) << "names given out stay good";
  EXPECT_EQ(life.ledger.seats_held(), 9 * 4 + 20);
  life.ledger.apply(view_of(3, 100, now_), now_);
  EXPECT_EQ(life.ledger.seats_held(), 9 * 4 + 20);
  for (const auto& [key, instance] : room_at) {
    const auto fourth = life.ledger.place({.key = key}, now_);
    ASSERT_TRUE(fourth) << key;
    EXPECT_EQ(life.ledger.instance(fourth->slot).identity->id.text, instance) << key;
    EXPECT_EQ(life.ledger.place({.key = key}, now_).error().why, Refusal::Why::room_full) << key;
  }
  EXPECT_FALSE(life.ledger.release(given_back, now_)) << "not twice";
  EXPECT_TRUE(life.ledger.release(kept, now_));
  EXPECT_EQ(life.ledger.seats_held(), 9 * 4 + 19);
}

// As made-up days found it: a reserve's end is not logged, and one who comes into the room later
// brought the rest of it to life again, of seats that were others' by then.
TEST_F(Journal, a_reserve_that_was_over_is_not_held_anew_because_the_room_is_asked_for_again) {
  for (const Duration again_after : {59000ms, 60000ms, 60100ms, 61000ms}) {
    std::filesystem::remove(path_);
    int held = 0;
    {
      Life life(path_, now_);
      life.ledger.apply(view_of(1, 10, now_), now_);
      EXPECT_TRUE(life.ledger.place({.key = "room"}, now_));
      now_ += again_after;  // it is found to be over up to 134 ms later
      EXPECT_TRUE(life.ledger.place({.key = "room"}, now_));
      now_ += 2s;
      life.ledger.apply(view_of(1, 10, now_), now_);
      held = life.ledger.seats_held();
    }
    EXPECT_EQ(held, again_after < 60s ? 3 : 1) << to_ms(again_after);
    Life next(path_, now_);
    now_ += 2s;
    next.ledger.apply(view_of(1, 10, now_), now_);
    EXPECT_EQ(next.ledger.seats_held(), held) << to_ms(again_after);
  }
}

TEST_F(Journal, a_long_life_keeps_a_small_file_and_loses_nothing) {
  std::set<std::uint64_t> live;
  {
    Life life(path_, now_);
    auto view = view_of(5, 1'000'000, now_);
    life.ledger.apply(view, now_);
    (void)life.ledger.place({.key = "old room"}, now_);
    for (int second = 0; second < 300; ++second) {
      now_ += 1s;
      for (auto& instance : view.instances) instance.counted_at = now_;
      life.ledger.apply(view, now_);
      for (int i = 0; i < 20; ++i) {
        const auto grant = life.ledger.place({.hold = 10s}, now_);
        if (second >= 295) live.insert(grant->number);
      }
      life.turn();
    }
    EXPECT_LT(life.journal->file_bytes(), 20u * 4096)
        << "6,000 records of 48 bytes were 70 segments";
  }
  Life life(path_, now_);
  life.ledger.apply(view_of(5, 1'000'000, now_), now_);
  for (const std::uint64_t number : live) EXPECT_TRUE(life.ledger.release(number, now_)) << number;
  EXPECT_EQ(life.ledger.place({.key = "old room"}, now_).has_value(), true);
  EXPECT_EQ(life.ledger.report().lines.size() > 0, true);
}

// Keys, placements in them and without them come and go while the journal is told again, a few
// records at a time; lives end wherever they are.
TEST_F(Journal, what_changes_while_it_is_retold_is_found_as_it_was) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  std::map<std::uint64_t, std::string> held;  // placements and their keys
  const auto any = [&] { return std::next(held.begin(), std::ptrdiff_t(random() % held.size())); };
  int seats = 0, snapshots = 0;
  for (int lives = 0; lives < 12; ++lives) {
    Life life(path_, now_);
    if (lives > 0) {
      EXPECT_EQ(life.ledger.seats_held(), seats) << "life " << lives;
    }
    life.ledger.apply(view_of(5, 1000, now_), now_);
    for (int step = 0, steps = int(random() % 2000); step < steps; ++step) {
      life.turn(1 + int(random() % 4));
      now_ += 1ms;
      const auto what = random() % 10;
      if (what < 5) {
        const std::string key = what < 4 ? fmt::format("room-{}", random() % 100) : "";
        if (const auto grant = life.ledger.place({.key = key, .hold = 1h}, now_))
          held[grant->number] = key;
      } else if (what < 9 && !held.empty()) {
        const auto one = any();
        EXPECT_TRUE(life.ledger.release(one->first, now_));
        held.erase(one);
      } else if (!held.empty() && !any()->second.empty()) {
        const std::string key = fmt::format("room-{}", random() % 100);
        (void)life.ledger.release_key(key);
        std::erase_if(held, [&](const auto& one) { return one.second == key; });
      }
    }
    seats = life.ledger.seats_held();
    snapshots += life.snapshots;
  }
  EXPECT_GT(snapshots, 0);
  Life life(path_, now_);
  std::map<std::string, int> drawn;
  for (const auto& [number, key] : held)
    if (!key.empty()) ++drawn[key];
  life.ledger.apply(view_of(5, 1000, now_), now_);
  for (const auto& [key, count] : drawn) {
    for (int i = count; i < 4; ++i) EXPECT_TRUE(life.ledger.place({.key = key}, now_)) << key;
    EXPECT_EQ(life.ledger.place({.key = key}, now_).error().why, Refusal::Why::room_full) << key;
  }
  for (const auto& [number, key] : held) EXPECT_TRUE(life.ledger.release(number, now_)) << key;
}

TEST_F(Journal, whoever_was_promised_a_seat_first_is_taken_to_come_first_also_in_the_next_life) {
  std::uint64_t first = 0;
  {
    Life life(path_, now_);
    life.ledger.apply(view_of(1, 100, now_), now_);
    first = life.ledger.place({}, now_)->number;
    (void)life.ledger.place({.key = "room"}, now_ + 1s);
  }
  {
    Life retold(path_, now_ + 2s);
  }  // keys before the rest
  Life life(path_, now_ + 3s);
  auto view = view_of(1, 100, now_ + 4s);
  for (const std::int64_t came : {10, 11}) {
    view.instances[0].accepted = came;
    view.instances[0].counted_at += 1s;
    life.ledger.apply(view, now_ + 6s);
  }
  EXPECT_FALSE(life.ledger.release(first, now_ + 6s)) << "its client is the one who came";
}

TEST_F(Journal, a_process_that_is_killed_while_it_places_has_recorded_all_that_it_said) {
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t child = fork();
  if (child == 0) {
    Life life(path_, now_);
    life.ledger.apply(view_of(3, 1'000'000, now_), now_);
    for (;;) {
      const std::uint64_t number = life.ledger.place({}, now_)->number;
      if (write(told[1], &number, sizeof number) != sizeof number) _exit(1);
    }
  }
  close(told[1]);
  std::vector<std::uint64_t> said;
  std::uint64_t number = 0;
  while (said.size() < 3000 && read(told[0], &number, sizeof number) == sizeof number)
    said.push_back(number);
  kill(child, SIGKILL);
  while (read(told[0], &number, sizeof number) == sizeof number) said.push_back(number);
  waitpid(child, nullptr, 0);
  close(told[0]);
  Life life(path_, now_);
  life.ledger.apply(view_of(3, 1'000'000, now_), now_);
  EXPECT_GE(life.ledger.seats_held(), int(said.size()));
  EXPECT_LE(life.ledger.seats_held(), int(said.size()) + 1)
      << "one may have been recorded and not said";
  for (const std::uint64_t each : said) ASSERT_TRUE(life.ledger.release(each, now_)) << each;
}

TEST_F(Journal, a_torn_last_record_is_not_taken_for_one) {
  {
    Life life(path_, now_, {1u << 20});
    life.ledger.apply(view_of(1, 100, now_), now_);
    for (int i = 0; i < 10; ++i) (void)life.ledger.place({}, now_);
  }
  // The last record's bytes: the last that are not zero.
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto last = bytes.find_last_not_of('\0');
  file.clear();
  file.seekp(std::streamoff(last));
  file.put(char(bytes[last] ^ 1));
  file.close();
  Life life(path_, now_, {1u << 20});
  EXPECT_EQ(life.ledger.seats_held(), 9);
}

TEST_F(Journal, what_another_boot_or_nobody_wrote_is_nothing) {
  {
    Life life(path_, now_, {.segment_bytes = 4096, .boot = "one"});
    life.ledger.apply(view_of(1, 100, now_), now_);
    (void)life.ledger.place({}, now_);
  }
  {
    Life life(path_, now_, {.segment_bytes = 4096, .boot = "two"});
    EXPECT_FALSE(life.journal->has_past());
    EXPECT_EQ(life.ledger.seats_held(), 0);
  }
  std::ofstream(path_, std::ios::binary) << std::string(10'000, 'x');
  Life life(path_, now_);
  EXPECT_FALSE(life.journal->has_past());
}

TEST_F(Journal, a_file_that_cannot_be_is_said) {
  const auto nowhere = SeatJournal::open("/nonexistent/seats", {});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind, Problem::Kind::unavailable);
  const auto first = SeatJournal::open(path_, {});
  const auto second = SeatJournal::open(path_, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find("another controller"), std::string::npos);
}

TEST_F(Journal, without_room_placing_goes_on_and_the_next_life_knows_until_when) {
  std::vector<std::string> said;
  {
    Life life(path_, now_, {.segment_bytes = 4096, .file_bytes_max = 3 * 4096});
    life.journal->on_notice([&](const std::string& what) { said.push_back(what); });
    life.ledger.apply(view_of(1, 100'000, now_), now_);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(life.ledger.place({}, now_));
  }
  EXPECT_EQ(said.size(), 1u);
  Life life(path_, now_, {.segment_bytes = 4096, .file_bytes_max = 8 * 4096});
  EXPECT_EQ(life.journal->past_lost_until(), now_ + 60s);
}

TEST_F(Journal, only_its_owner_may_read_it) {
  const auto journal = SeatJournal::open(path_, {});
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace utakata
