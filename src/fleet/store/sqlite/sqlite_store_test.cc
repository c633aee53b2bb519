// What only a file can do: be held, be full, be damaged, be too new, be cut short by a kill.
#include "fleet/store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fleet/store/sqlite/database.h"
#include "fleet/store/sqlite/schema.h"
#include "fleet/store/sqlite/temporary_folder.h"

namespace utakata {
namespace {

Activity an_activity(std::string because = "30 % headroom",
                     std::int64_t at_ms = 1'767'225'600'000) {
  Activity one;
  one.at = WallTime{std::chrono::milliseconds{at_ms}};
  one.cluster = "game";
  one.kind = "scale";
  one.because = std::move(because);
  return one;
}

std::unique_ptr<Store> opened(const std::string& path, const SqliteOptions& options = {}) {
  auto store = open_sqlite(path, options);
  EXPECT_TRUE(store) << store.error().what;
  return store ? std::move(*store) : nullptr;
}

std::int64_t ask(const std::string& path, const char* sql) {
  auto database = sqlite::Database::open(path);
  EXPECT_TRUE(database);
  const auto answer = (*database)->number(sql);
  EXPECT_TRUE(answer) << answer.error().what;
  return answer.value_or(-1);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

TEST(SqliteStore, a_store_held_by_another_process_is_refused_and_says_by_whom_and_a_kill_frees_it) {
  TemporaryFolder folder;
  const std::string path = folder.file("held.db");
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    auto store = open_sqlite(path);
    (void)!::write(ready[1], store ? "y" : "n", 1);
    for (;;) ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto second = open_sqlite(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Problem::Kind::conflict);
  EXPECT_TRUE(
      contains(second.error().what, "held by process " + std::to_string(holder) + " since 20"))
      << second.error().what;
  // By another name too: a link to the same file is the same store.
  std::filesystem::create_symlink(path, folder.file("other.db"));
  EXPECT_FALSE(open_sqlite(folder.file("other.db")));
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  EXPECT_TRUE(open_sqlite(path));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(SqliteStore, what_was_recorded_survives_a_kill_right_after) {
  TemporaryFolder folder;
  const std::string path = folder.file("killed.db");
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = open_sqlite(path);
    for (int i = 0; store && i < 50; ++i) {
      Batch batch{.activities = {an_activity(), an_activity()}, .instances = {}, .clusters = {}};
      if (!(*store)->record(batch)) ::_exit(1);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto store = opened(path);
  EXPECT_EQ(store->activities({.cluster = "", .instance = "", .after = 0, .limit = 1000})->size(),
            100u);
}

TEST(SqliteStore, a_full_store_records_nothing_half_and_takes_the_same_batch_when_room_returns) {
  TemporaryFolder folder;
  const std::string path = folder.file("full.db");
  std::size_t written = 0;
  Batch batch;
  batch.clusters.push_back({"game", {}, 1});
  for (int i = 0; i < 20; ++i) batch.activities.push_back(an_activity(std::string(1000, 'x')));
  {
    auto store = opened(path, {.file_bytes_max = 300'000});
    for (;;) {
      batch.clusters[0].next_number = int(++written);
      const auto done = store->record(batch);
      if (!done) {
        EXPECT_EQ(done.error().kind, Problem::Kind::unavailable);
        EXPECT_TRUE(done.error().retry);
        EXPECT_TRUE(contains(done.error().what, path)) << done.error().what;
        break;
      }
      ASSERT_LT(written, 100u) << "the cap was not obeyed";
    }
    --written;
    ASSERT_GT(written, 2u);
    const auto newest =
        store->activities({.cluster = "", .instance = "", .after = 0, .limit = 1000});
    ASSERT_TRUE(newest);
    EXPECT_EQ(newest->size(), written * 20);
    EXPECT_EQ(store->load()->clusters[0].next_number, int(written));
  }
  auto store = opened(path);
  ASSERT_TRUE(store->record(batch));
  EXPECT_EQ(batch.activities.back().number, std::int64_t(written + 1) * 20);
}

// The kernel refuses every file to grow, in the middle of the log: as a failing disk does.
TEST(SqliteStore,
     a_disk_that_refuses_to_write_costs_one_batch_and_the_same_store_works_on_after_it) {
  TemporaryFolder folder;
  auto store = opened(folder.file("limited.db"));
  Batch batch{.activities = {an_activity()}, .instances = {}, .clusters = {{"game", {}, 7}}};
  ASSERT_TRUE(store->record(batch));
  const auto former = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit none{.rlim_cur = std::filesystem::file_size(folder.file("limited.db-wal")) + 1000,
                    .rlim_max = limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &none);
  batch.clusters[0].next_number = 8;
  const auto refused = store->record(batch);
  const auto unseen =
      store->observe("game", WallTime{std::chrono::milliseconds{1}}, std::string(2 << 20, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ::signal(SIGXFSZ, former);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().retry);
  EXPECT_FALSE(unseen);
  EXPECT_EQ(store->load()->clusters[0].next_number, 7);
  ASSERT_TRUE(store->record(batch));
  EXPECT_EQ(batch.activities[0].number, 2);
  EXPECT_EQ(store->load()->clusters[0].next_number, 8);
  EXPECT_EQ(store->observations("", 0, 10)->size(), 1u)
      << "what could not be written waits for the next flush";
}

TEST(SqliteStore, a_file_that_is_not_ours_is_refused_with_a_sentence_and_left_as_it_was) {
  TemporaryFolder folder;
  const std::string text = folder.file("text.db"), foreign = folder.file("foreign.db");
  std::ofstream(text) << std::string(9000, 'x');
  {
    auto made = sqlite::Database::open(foreign);
    ASSERT_TRUE((*made)->script("CREATE TABLE theirs (a)"));
  }
  const auto refused_text = open_sqlite(text), refused_foreign = open_sqlite(foreign);
  ASSERT_FALSE(refused_text);
  EXPECT_EQ(refused_text.error().what,
            "store " + text + ": the file is not a SQLite database: name another file");
  ASSERT_FALSE(refused_foreign);
  EXPECT_TRUE(contains(refused_foreign.error().what, "another program"));
  EXPECT_EQ(ask(foreign, "SELECT count(*) FROM sqlite_schema"), 1);
  EXPECT_FALSE(std::filesystem::exists(foreign + "-wal"));
}

TEST(SqliteStore, a_file_from_before_hosts_were_recorded_is_read_on_and_gets_them) {
  TemporaryFolder folder;
  const std::string path = folder.file("elder.db");
  opened(path).reset();
  (*sqlite::Database::open(path))
      ->script(
          "ALTER TABLE instances DROP COLUMN runs_on; ALTER TABLE instances DROP COLUMN zone;"
          "INSERT INTO instances VALUES ('game-1', 'game', 'v1', 'serving', 'pid 1', "
          "'127.0.0.1', 20000, '', '', NULL, NULL, 0, NULL); PRAGMA user_version = 1")
      .value();
  const auto store = opened(path);
  auto saved = store->load();
  ASSERT_TRUE(saved);
  ASSERT_EQ(saved->instances.size(), 1u);
  Instance one = saved->instances[0].instance;
  EXPECT_EQ(one.host + one.zone, "");
  one.host = "worker-1";
  Batch batch{.activities = {}, .instances = {{"game", one}}, .clusters = {}};
  ASSERT_TRUE(store->record(batch));
  EXPECT_EQ(store->load()->instances[0].instance.host, "worker-1");
}

TEST(SqliteStore, a_file_of_a_newer_program_is_refused_and_says_so) {
  TemporaryFolder folder;
  const std::string path = folder.file("newer.db");
  opened(path).reset();
  (*sqlite::Database::open(path))->script("PRAGMA user_version = 99").value();
  const auto refused = open_sqlite(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Problem::Kind::invalid);
  EXPECT_TRUE(contains(refused.error().what, "newer utakata (its schema is 99"))
      << refused.error().what;
}

TEST(SqliteStore, a_damaged_file_is_a_problem_at_open_or_at_load_and_never_a_crash) {
  TemporaryFolder folder;
  const std::string path = folder.file("damaged.db");
  opened(path).reset();
  const auto size = std::filesystem::file_size(path);
  for (std::uintmax_t page = 0; page < size; page += 4096) {
    std::filesystem::copy_file(path, folder.file("copy.db"),
                               std::filesystem::copy_options::overwrite_existing);
    std::fstream file(folder.file("copy.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(
        std::streamoff(page + 100));  // the first page keeps its header, else it is merely foreign
    file << std::string(3000, '\x77');
    file.close();
    auto store = open_sqlite(folder.file("copy.db"));
    const Problem said = !store ? store.error() : [&] {
      Batch batch{.activities = {an_activity()},
                  .instances = {{"game", Instance{}}},
                  .clusters = {{"g", {}, 1}}};
      const auto loaded = (*store)->load();
      if (!loaded) return loaded.error();
      const auto recorded = (*store)->record(batch);
      return recorded ? Problem{} : recorded.error();
    }();
    if (page == 0) {
      EXPECT_TRUE(contains(said.what, "damaged")) << said.what;
    }
  }
}

TEST(SqliteStore, a_folder_that_is_not_there_is_refused_with_its_name) {
  TemporaryFolder folder;
  const auto refused = open_sqlite(folder.file("none/at/all.db"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(contains(refused.error().what, "none/at/all.db.lock cannot be made"))
      << refused.error().what;
}

TEST(SqliteStore, only_its_owner_may_read_it) {
  TemporaryFolder folder;
  auto store = opened(folder.file("own.db"));
  Batch batch{.activities = {an_activity()}, .instances = {}, .clusters = {}};
  ASSERT_TRUE(store->record(batch));
  for (const char* name : {"own.db", "own.db-wal", "own.db.lock"})
    EXPECT_EQ(
        std::filesystem::status(folder.file(name)).permissions() & std::filesystem::perms(077),
        std::filesystem::perms::none)
        << name;
}

TEST(SqliteStore, observations_beyond_the_cap_push_out_the_oldest) {
  TemporaryFolder folder;
  const std::string path = folder.file("observed.db");
  {
    auto store = opened(path, {.observation_bytes_max = 100'000});
    for (int i = 0; i < 200; ++i)
      ASSERT_TRUE(store->observe("game", WallTime{std::chrono::milliseconds{i * 1000}},
                                 std::string(1000, 'x')));
    const auto kept = store->observations("", 0, 1000);
    ASSERT_TRUE(kept);
    EXPECT_GE(kept->size(), 90u);
    EXPECT_LE(kept->size(), 100u);
    EXPECT_EQ(to_ms(kept->back().at), 199'000);
  }
  EXPECT_EQ(ask(path, "SELECT bytes FROM observation_total"),
            ask(path, "SELECT sum(length(blob)) FROM observations"));
}

TEST(SqliteStore, observations_are_gathered_and_a_wall_clock_stepped_back_does_not_hold_them) {
  TemporaryFolder folder;
  const std::string path = folder.file("gathered.db");
  auto store = opened(path);
  const WallTime noon{std::chrono::milliseconds{1'767'225'600'000}};
  ASSERT_TRUE(store->observe("game", noon, "a"));
  ASSERT_TRUE(store->observe("game", noon + 1s, "b"));
  EXPECT_EQ(ask(path, "SELECT count(*) FROM observations"), 0);
  ASSERT_TRUE(store->observe("game", noon - std::chrono::hours(24), "c"));
  EXPECT_EQ(ask(path, "SELECT count(*) FROM observations"), 3);
}

TEST(SqliteStore, old_activities_and_gone_instances_are_forgotten_beyond_their_caps) {
  TemporaryFolder folder;
  const std::string path = folder.file("trimmed.db");
  constexpr std::int64_t day_ms = 86'400'000;
  {
    auto store = opened(path, {.activities_max = 1500, .gone_max = 3});
    for (int day = 1; day <= 12; ++day) {
      Instance gone;
      gone.id = {"game-" + std::to_string(day)};
      gone.lifecycle = Lifecycle::gone;
      Batch batch{.activities = {}, .instances = {{"game", gone}}, .clusters = {}};
      for (int i = 0; i < 1024; ++i) batch.activities.push_back(an_activity("x", day * day_ms));
      ASSERT_TRUE(store->record(batch));
      EXPECT_EQ(batch.activities.back().number, day * 1024);
    }
  }
  EXPECT_EQ(ask(path, "SELECT count(*) FROM activities"), 1500);
  EXPECT_EQ(ask(path, "SELECT max(number) FROM activities"), 12 * 1024);
  EXPECT_EQ(ask(path, "SELECT count(*) FROM instances"), 3);
  {
    auto store = opened(path);
    Batch batch{.activities = {an_activity("x", 18 * day_ms)}, .instances = {}, .clusters = {}};
    ASSERT_TRUE(store->record(batch));
  }
  EXPECT_EQ(ask(path, "SELECT min(gone_at_ms) FROM instances"), 11 * day_ms)
      << "seven days back from the 18th";
}

}  // namespace
}  // namespace utakata
