#include "fleet/store/sqlite/record_reader.h"

#include "base/instant.h"
#include "fleet/store/sqlite/schema.h"

namespace utakata {

Expected<std::unique_ptr<RecordReader>> RecordReader::open(const std::string& path) {
  auto database = sqlite::Database::open_to_read(path);
  if (!database) return std::unexpected(database.error());
  if (auto ours = sqlite::check_owner(**database, path); !ours)
    return std::unexpected(ours.error());
  return std::unique_ptr<RecordReader>(new RecordReader(std::move(*database)));
}

Expected<std::string> RecordReader::setting(std::string_view name) {
  auto statement = database_->statement("SELECT text FROM settings WHERE name = ?1");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(name);
  const auto row = statement->next();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->text(0) : std::string();
}

Expected<std::vector<ObservationRow>> RecordReader::observations(std::string_view cluster,
                                                                 WallTime since, std::int64_t after,
                                                                 int limit) {
  auto statement = database_->statement(
      "SELECT number, cluster, at_ms, blob FROM observations WHERE number > ?1 AND at_ms >= ?2 "
      "AND (?3 = '' OR cluster = ?3) ORDER BY number LIMIT ?4");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(after, to_ms(since), cluster, limit);
  std::vector<ObservationRow> found;
  for (;;) {
    const auto row = statement->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return found;
    found.push_back({statement->integer(0), statement->text(1),
                     WallTime{std::chrono::milliseconds{statement->integer(2)}},
                     statement->text(3)});
  }
}

}  // namespace utakata
