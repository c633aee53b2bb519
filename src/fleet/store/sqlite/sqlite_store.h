// The store of one controller on one machine: a SQLite file in WAL mode.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/store/store.h"

namespace utakata {

struct SqliteOptions {
  std::int64_t observation_bytes_max = 1'000'000'000;  // of blobs; the oldest are dropped
  std::int64_t activities_max = 1'000'000;             // about 250 MB
  int gone_max = 100'000;                              // instances kept as history,
  Duration gone_kept{std::chrono::hours{7 * 24}};  // and how long, by the activities' wall clock
  std::int64_t file_bytes_max = 0;  // beyond it the disk counts as full; 0: as far as it goes
};

// Makes the file where there is none; its folder must exist. Problems: `conflict` (another process
// holds it: who, since when), `invalid` (not ours, damaged, or from a newer program), `refused`
// (may not be written), `unavailable` (disk full). Memory: SQLite's cache of 2 MB, and observations
// of up to four seconds, 4 MB at most.
Expected<std::unique_ptr<Store>> open_sqlite(const std::string& path,
                                             const SqliteOptions& options = {});

}  // namespace utakata
