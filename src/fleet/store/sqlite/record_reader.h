// Reads a store's file beside the controller that may hold it: no lock is taken, nothing is
// written.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/store/sqlite/database.h"
#include "fleet/store/store.h"

namespace utakata {

class RecordReader {
 public:
  // `not_found`: no such file. `invalid`: not a store, or from a newer program.
  static Expected<std::unique_ptr<RecordReader>> open(const std::string& path);
  // Empty: never set.
  Expected<std::string> setting(std::string_view name);
  // As Store::observations, of those since then; what a controller gathered in its last four
  // seconds is not there yet. O(all of the rows before, without their blobs) for the first call.
  Expected<std::vector<ObservationRow>> observations(std::string_view cluster, WallTime since,
                                                     std::int64_t after, int limit);

 private:
  explicit RecordReader(std::unique_ptr<sqlite::Database> database)
      : database_(std::move(database)) {}
  std::unique_ptr<sqlite::Database> database_;
};

}  // namespace utakata
