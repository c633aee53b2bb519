#include "fleet/store/sqlite/rows.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"

namespace utakata::sqlite {
namespace {

// The word's value. The columns' own CHECKs allow no other word, so one that is not there is
// damage: it reads as the first.
template <class Enum, std::size_t N>
Enum value_of(const std::string& word, const std::array<Enum, N>& all) {
  const auto found = std::ranges::find_if(all, [&](Enum e) { return word == to_text(e); });
  return found == all.end() ? all[0] : *found;
}

constexpr std::array lifecycles = {Lifecycle::starting, Lifecycle::serving, Lifecycle::draining,
                                   Lifecycle::stopping, Lifecycle::gone};
constexpr std::array causes = {DrainCause::scale_in, DrainCause::rollout, DrainCause::by_hand,
                               DrainCause::healing, DrainCause::shutdown};
constexpr std::array phases = {Activity::Phase::intent, Activity::Phase::outcome};

// Calls `each` for every row.
template <class Each>
Expected<void> read_rows(Expected<Statement> statement, Each each) {
  if (!statement) return std::unexpected(statement.error());
  for (;;) {
    const auto row = statement->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    each(*statement);
  }
}

Expected<void> read_instances(Database& database, Saved& saved) {
  auto sql = database.statement(
      "SELECT id, cluster, version, lifecycle, handle, host, port, url, token_hash, drain_cause, "
      "drain_left_ms, "
      "closes_begun, runs_on, zone FROM instances WHERE lifecycle <> 'gone'");
  return read_rows(std::move(sql), [&](const Statement& row) {
    Instance one;
    one.id = {row.text(0)};
    one.version = row.text(2);
    one.lifecycle = value_of(row.text(3), lifecycles);
    one.handle = row.text(4);
    one.address = {row.text(5), std::uint16_t(row.integer(6))};
    one.url = row.text(7);
    one.token_hash = row.text(8);
    if (!row.is_null(9)) one.drain_cause = value_of(row.text(9), causes);
    if (!row.is_null(10)) one.drain_left = std::chrono::milliseconds{row.integer(10)};
    one.closes_begun = row.integer(11) != 0;
    one.host = row.text(12);
    one.zone = row.text(13);
    saved.instances.push_back({row.text(1), std::move(one)});
  });
}

Expected<void> read_clusters(Database& database, Saved& saved) {
  auto sql = database.statement(
      "SELECT name, next_number, by_hand, shutting_down, down_now, down_deadline_ms, restarts FROM "
      "clusters");
  return read_rows(std::move(sql), [&](const Statement& row) {
    Desired desired;
    if (!row.is_null(2)) desired.by_hand = int(row.integer(2));
    desired.shutting_down = row.integer(3) != 0;
    desired.down_now = row.integer(4) != 0;
    if (!row.is_null(5)) desired.down_deadline = std::chrono::milliseconds{row.integer(5)};
    desired.restarts = int(row.integer(6));
    saved.clusters.push_back({row.text(0), desired, int(row.integer(1))});
  });
}

Expected<void> read_settings(Database& database, Saved& saved) {
  return read_rows(database.statement("SELECT name, text FROM settings"),
                   [&](const Statement& row) {
                     if (row.text(0) == "fleet_id")
                       saved.fleet_id = row.text(1);
                     else
                       saved.settings.emplace_back(row.text(0), row.text(1));
                   });
}

}  // namespace

Expected<void> write(Database& database, const Activity& activity) {
  return database.run(
      "INSERT INTO activities (at_ms, cluster, instance, phase, kind, because, limited_by, "
      "done_by, cut) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      to_ms(activity.at), activity.cluster, activity.instance, to_text(activity.phase),
      activity.kind, activity.because, activity.limited_by, activity.by, activity.cut);
}

Expected<void> write(Database& database, const InstanceRow& row, std::int64_t at_ms) {
  const Instance& one = row.instance;
  std::optional<std::int64_t> drain_left_ms, gone_at_ms;
  if (one.drain_left) drain_left_ms = to_ms(*one.drain_left);
  if (one.lifecycle == Lifecycle::gone) gone_at_ms = at_ms;
  std::optional<std::string_view> cause;
  if (one.drain_cause) cause = to_text(*one.drain_cause);
  return database.run(
      "INSERT OR REPLACE INTO instances (id, cluster, version, lifecycle, handle, host, port, url, "
      "token_hash, "
      "drain_cause, drain_left_ms, closes_begun, gone_at_ms, runs_on, zone) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
      one.id.text, row.cluster, one.version, to_text(one.lifecycle), one.handle, one.address.host,
      int(one.address.port), one.url, one.token_hash, cause, drain_left_ms, one.closes_begun,
      gone_at_ms, one.host, one.zone);
}

Expected<void> write(Database& database, const Batch::ClusterRow& row) {
  const Desired& desired = row.desired;
  std::optional<std::int64_t> down_deadline_ms;
  if (desired.down_deadline) down_deadline_ms = to_ms(*desired.down_deadline);
  return database.run(
      "INSERT OR REPLACE INTO clusters (name, next_number, by_hand, shutting_down, down_now, "
      "down_deadline_ms, "
      "restarts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      row.cluster, row.next_number, desired.by_hand, desired.shutting_down, desired.down_now,
      down_deadline_ms, desired.restarts);
}

Expected<Saved> read_saved(Database& database) {
  Saved saved;
  for (const auto read : {read_instances, read_clusters, read_settings})
    if (auto done = read(database, saved); !done) return std::unexpected(done.error());
  return saved;
}

Expected<std::vector<Activity>> read_activities(Database& database, const ActivityQuery& query,
                                                int limit) {
  std::string sql =
      "SELECT number, at_ms, cluster, instance, phase, kind, because, limited_by, done_by, cut "
      "FROM activities "
      "WHERE number > ?1";
  // Only the columns asked for stand in the text, so that each form uses the index made for it.
  if (!query.cluster.empty()) sql += " AND cluster = ?3";
  if (!query.instance.empty()) sql += " AND instance = ?4";
  sql += " AND ?3 IS NOT NULL AND ?4 IS NOT NULL ORDER BY number DESC LIMIT ?2";
  std::vector<Activity> found;
  auto statement = database.statement(sql);
  if (statement) statement->bind(query.after, limit, query.cluster, query.instance);
  auto done = read_rows(std::move(statement), [&](const Statement& row) {
    Activity one;
    one.number = row.integer(0);
    one.at = WallTime{std::chrono::milliseconds{row.integer(1)}};
    one.cluster = row.text(2);
    one.instance = row.text(3);
    one.phase = value_of(row.text(4), phases);
    one.kind = row.text(5);
    one.because = row.text(6);
    one.limited_by = row.text(7);
    one.by = row.text(8);
    if (!row.is_null(9)) one.cut = int(row.integer(9));
    found.push_back(std::move(one));
  });
  if (!done) return std::unexpected(done.error());
  std::ranges::reverse(found);
  return found;
}

}  // namespace utakata::sqlite
