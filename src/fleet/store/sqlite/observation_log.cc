#include "fleet/store/sqlite/observation_log.h"

#include <cstdlib>

namespace utakata::sqlite {
namespace {

constexpr std::int64_t gather_ms =
    4000;  // one transaction in 4 s instead of one for each cluster each second
constexpr std::size_t gather_bytes = 1 << 20;
constexpr std::size_t waiting_bytes_max = 4 << 20;

}  // namespace

Expected<void> ObservationLog::add(std::string_view cluster, WallTime at, std::string_view blob) {
  if (waiting_.empty()) flush_after_ms_ = to_ms(at);
  waiting_.push_back({0, std::string(cluster), at, std::string(blob)});
  waiting_bytes_ += blob.size();
  while (waiting_bytes_ > waiting_bytes_max) {
    waiting_bytes_ -= waiting_.front().blob.size();
    waiting_.pop_front();
  }
  // Either way: a wall clock that was stepped back must not keep us from writing.
  const bool is_time = std::abs(to_ms(at) - flush_after_ms_) >= gather_ms;
  const bool is_much =
      waiting_bytes_ >= gather_bytes && waiting_bytes_ - blob.size() < gather_bytes;
  if (!is_time && !is_much) return {};
  flush_after_ms_ = to_ms(at);
  return flush();
}

Expected<void> ObservationLog::flush() {
  if (waiting_.empty()) return {};
  // The next record() syncs the log's file whole, these frames included: the order on disk stays
  // right.
  if (auto relaxed = database_.script("PRAGMA synchronous = NORMAL"); !relaxed) return relaxed;
  auto done = database_.transaction([&] { return write(); });
  if (auto strict = database_.script("PRAGMA synchronous = FULL"); !strict) return strict;
  if (!done) return done;
  waiting_.clear();
  waiting_bytes_ = 0;
  return {};
}

Expected<void> ObservationLog::write() {
  std::int64_t bytes = 0;
  for (const ObservationRow& row : waiting_) {
    auto done = database_.run("INSERT INTO observations (cluster, at_ms, blob) VALUES (?1, ?2, ?3)",
                              row.cluster, to_ms(row.at), Blob{row.blob});
    if (!done) return done;
    bytes += std::ssize(row.blob);
  }
  const auto total = database_.number("SELECT bytes FROM observation_total");
  if (!total) return std::unexpected(total.error());
  bytes += *total;
  if (auto set = database_.run("UPDATE observation_total SET bytes = ?1", bytes); !set) return set;
  return bytes > bytes_max_ ? drop(bytes) : Expected<void>{};
}

// Down to 63/64 of the cap, so that the next ones come after a while: 16 MB at once by default.
Expected<void> ObservationLog::drop(std::int64_t bytes) {
  std::int64_t last = 0;
  {
    auto oldest =
        database_.statement("SELECT number, length(blob) FROM observations ORDER BY number");
    if (!oldest) return std::unexpected(oldest.error());
    while (bytes > bytes_max_ - bytes_max_ / 64) {
      const auto row = oldest->next();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      last = oldest->integer(0);
      bytes -= oldest->integer(1);
    }
  }
  if (auto done = database_.run("DELETE FROM observations WHERE number <= ?1", last); !done)
    return done;
  return database_.run("UPDATE observation_total SET bytes = ?1", bytes);
}

Expected<std::vector<ObservationRow>> ObservationLog::read(std::string_view cluster,
                                                           std::int64_t after, int limit) {
  if (auto flushed = flush(); !flushed) return std::unexpected(flushed.error());
  auto statement =
      cluster.empty()
          ? database_.statement(
                "SELECT number, cluster, at_ms, blob FROM observations WHERE number > ?1 AND "
                "?3 IS NOT NULL ORDER BY number LIMIT ?2")
          : database_.statement(
                "SELECT number, cluster, at_ms, blob FROM observations WHERE number > ?1 AND "
                "cluster = ?3 ORDER BY number LIMIT ?2");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(after, limit, cluster);
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

}  // namespace utakata::sqlite
