#include "fleet/store/sqlite/schema.h"

#include <fmt/format.h>

#include <array>

namespace utakata::sqlite {
namespace {

constexpr std::int64_t application = 0x75746b74;  // "utkt": tells our file from anybody's

// Words, not numbers, stand for enums: people read this file with the sqlite3 program.
constexpr std::array steps = {
    R"(
CREATE TABLE settings (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO settings VALUES ('fleet_id', lower(hex(randomblob(8))));

CREATE TABLE clusters (
  name TEXT PRIMARY KEY,
  by_hand INTEGER,
  shutting_down INTEGER NOT NULL,
  down_now INTEGER NOT NULL,
  down_deadline_ms INTEGER,
  restarts INTEGER NOT NULL,
  next_number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE instances (
  id TEXT PRIMARY KEY,
  cluster TEXT NOT NULL,
  version TEXT NOT NULL,
  lifecycle TEXT NOT NULL
    CHECK (lifecycle IN ('starting', 'serving', 'draining', 'stopping', 'gone')),
  handle TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
  url TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  drain_cause TEXT CHECK (drain_cause IN ('scale_in', 'rollout', 'by_hand', 'healing', 'shutdown')),
  drain_left_ms INTEGER,  -- time remaining: the monotonic clock means nothing after a restart
  closes_begun INTEGER NOT NULL,
  gone_at_ms INTEGER      -- wall clock; of the gone, which are kept as history
) STRICT, WITHOUT ROWID;
CREATE INDEX instances_gone ON instances (gone_at_ms) WHERE gone_at_ms IS NOT NULL;
CREATE INDEX instances_live ON instances (id) WHERE lifecycle <> 'gone';

CREATE TABLE activities (
  number INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  cluster TEXT NOT NULL,
  instance TEXT NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('intent', 'outcome')),
  kind TEXT NOT NULL,
  because TEXT NOT NULL,
  limited_by TEXT NOT NULL,
  done_by TEXT NOT NULL,
  cut INTEGER
) STRICT;
CREATE INDEX activities_cluster ON activities (cluster, number);
CREATE INDEX activities_instance ON activities (instance, number);

CREATE TABLE observations (
  number INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  blob BLOB NOT NULL
) STRICT;
CREATE INDEX observations_cluster ON observations (cluster, number);
CREATE TABLE observation_total (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  bytes INTEGER NOT NULL
) STRICT;
INSERT INTO observation_total VALUES (1, 0);
)",
    // `host` is the address that clients dial; this is the machine, as the provider calls it.
    R"(
ALTER TABLE instances ADD COLUMN runs_on TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN zone TEXT NOT NULL DEFAULT '';
)"};

}  // namespace

int schema_newest() { return int(steps.size()); }

Expected<void> check_owner(Database& database, const std::string& path) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto owner = database.number("PRAGMA application_id");
  if (!owner) return std::unexpected(owner.error());
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(tables.error());
  if (*tables > 0 && *owner != application)
    return problem(
        Problem::Kind::invalid,
        fmt::format("store {}: the file is a database of another program: name another file",
                    path));
  if (*version > schema_newest())
    return problem(
        Problem::Kind::invalid,
        fmt::format(
            "store {}: it was written by a newer utakata (its schema is {}, this program knows "
            "{}): run that version, or name another file",
            path, *version, schema_newest()));
  return {};
}

Expected<void> migrate(Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version == schema_newest()) return {};
  return database.transaction([&]() -> Expected<void> {
    for (auto step = *version; step < schema_newest(); ++step)
      if (auto done = database.script(steps.at(std::size_t(step))); !done) return done;
    return database.script(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                       application, schema_newest())
                               .c_str());
  });
}

}  // namespace utakata::sqlite
