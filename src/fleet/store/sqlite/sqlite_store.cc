#include "fleet/store/sqlite/sqlite_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "fleet/store/sqlite/database.h"
#include "fleet/store/sqlite/lock.h"
#include "fleet/store/sqlite/observation_log.h"
#include "fleet/store/sqlite/rows.h"
#include "fleet/store/sqlite/schema.h"

namespace utakata {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr int trim_every =
    1024;  // activities; a trim costs milliseconds, and what it drops is no hurry
constexpr int answer_max = 100'000;

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<sqlite::FileLock> lock, std::unique_ptr<Database> database,
              const SqliteOptions& options)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        options_(options),
        log_(*database_, options.observation_bytes_max) {}
  ~SqliteStore() override { (void)log_.flush(); }

  Expected<Saved> load() override { return sqlite::read_saved(*database_); }
  Expected<void> record(Batch& batch) override;
  Expected<void> set(std::string_view name, std::string_view text) override;
  Expected<std::vector<Activity>> activities(const ActivityQuery& query) override;
  Expected<void> observe(std::string_view cluster, WallTime at, std::string_view blob) override {
    return log_.add(cluster, at, blob);
  }
  Expected<std::vector<ObservationRow>> observations(std::string_view cluster, std::int64_t after,
                                                     int limit) override {
    return log_.read(cluster, after, std::clamp(limit, 0, answer_max));
  }

 private:
  void trim();

  std::unique_ptr<sqlite::FileLock> lock_;  // goes last
  std::unique_ptr<Database> database_;
  const SqliteOptions options_;
  sqlite::ObservationLog log_;
  std::int64_t last_at_ms_ =
      0;  // of the newest activity of this life: the time at which instances are gone
  std::int64_t untrimmed_ = trim_every;
};

Expected<void> SqliteStore::record(Batch& batch) {
  std::int64_t first = 0;
  for (const Activity& activity : batch.activities) last_at_ms_ = to_ms(activity.at);
  auto done = database_->transaction([&]() -> Expected<void> {
    for (const Activity& activity : batch.activities) {
      if (auto wrote = sqlite::write(*database_, activity); !wrote) return wrote;
      if (!first) first = database_->last_number();
    }
    for (const InstanceRow& row : batch.instances)
      if (auto wrote = sqlite::write(*database_, row, last_at_ms_); !wrote) return wrote;
    for (const Batch::ClusterRow& row : batch.clusters)
      if (auto wrote = sqlite::write(*database_, row); !wrote) return wrote;
    return {};
  });
  if (!done) return done;
  for (Activity& activity : batch.activities) activity.number = first++;
  untrimmed_ += std::ssize(batch.activities);
  if (untrimmed_ >= trim_every) trim();
  return {};
}

// Not being able to forget is no failure: the next time will do.
void SqliteStore::trim() {
  untrimmed_ = 0;
  (void)database_->transaction([&]() -> Expected<void> {
    auto done = database_->run(
        "DELETE FROM activities WHERE number <= (SELECT max(number) FROM activities) - ?1",
        options_.activities_max);
    if (done && last_at_ms_ > 0)
      done = database_->run("DELETE FROM instances WHERE gone_at_ms < ?1",
                            last_at_ms_ - to_ms(options_.gone_kept));
    if (done)
      done = database_->run(
          "DELETE FROM instances WHERE id IN (SELECT id FROM instances WHERE gone_at_ms IS NOT "
          "NULL "
          "ORDER BY gone_at_ms DESC LIMIT -1 OFFSET ?1)",
          options_.gone_max);
    return done;
  });
}

Expected<void> SqliteStore::set(std::string_view name, std::string_view text) {
  return database_->transaction([&] {
    return database_->run(
        "INSERT INTO settings VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET text = "
        "excluded.text",
        name, text);
  });
}

Expected<std::vector<Activity>> SqliteStore::activities(const ActivityQuery& query) {
  return sqlite::read_activities(*database_, query, std::clamp(query.limit, 0, answer_max));
}

Expected<void> prepare(Database& database, const std::string& path, const SqliteOptions& options) {
  if (auto ours = sqlite::check_owner(database, path); !ours) return ours;
  if (auto done = database.script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                  "PRAGMA journal_size_limit = 16777216; PRAGMA foreign_keys = ON");
      !done)
    return done;
  if (options.file_bytes_max > 0) {
    const auto page = database.number("PRAGMA page_size");
    if (!page) return std::unexpected(page.error());
    const auto pages = std::max<std::int64_t>(1, options.file_bytes_max / *page);
    if (auto done = database.script(fmt::format("PRAGMA max_page_count = {}", pages).c_str());
        !done)
      return done;
  }
  return sqlite::migrate(database);
}

}  // namespace

Expected<std::unique_ptr<Store>> open_sqlite(const std::string& path,
                                             const SqliteOptions& options) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(path, error);  // two names, one lock
  const std::string real = error ? path : canonical.string();
  auto lock = sqlite::FileLock::take(real);
  if (!lock) return std::unexpected(lock.error());
  auto database = Database::open(real);
  if (!database) return std::unexpected(database.error());
  if (auto ready = prepare(**database, real, options); !ready)
    return std::unexpected(ready.error());
  return std::make_unique<SqliteStore>(std::move(*lock), std::move(*database), options);
}

}  // namespace utakata
