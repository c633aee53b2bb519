// The observations' table: gathered for some seconds, written in one transaction without waiting
// for the disk, the oldest dropped beyond a cap. What is gathered and not yet written is lost in a
// crash, and may be.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "fleet/store/sqlite/database.h"
#include "fleet/store/store.h"

namespace utakata::sqlite {

class ObservationLog {
 public:
  ObservationLog(Database& database, std::int64_t bytes_max)
      : database_(database), bytes_max_(bytes_max) {}
  // A failure is that of a flush. What could not be written waits for the next, up to 4 MB: then
  // the oldest are given up.
  Expected<void> add(std::string_view cluster, WallTime at, std::string_view blob);
  Expected<void> flush();
  Expected<std::vector<ObservationRow>> read(std::string_view cluster, std::int64_t after,
                                             int limit);

 private:
  Expected<void> write();
  Expected<void> drop(std::int64_t bytes);

  Database& database_;
  const std::int64_t bytes_max_;
  std::deque<ObservationRow> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::int64_t flush_after_ms_ = 0;  // wall clock of the observations; moves on after a failure too
};

}  // namespace utakata::sqlite
