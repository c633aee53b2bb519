// Model values to rows and back.
#pragma once

#include <cstdint>
#include <vector>

#include "fleet/store/sqlite/database.h"
#include "fleet/store/store.h"

namespace utakata::sqlite {

// Each inserts or replaces one row, inside the caller's transaction. `at_ms`: when a gone instance
// is gone.
Expected<void> write(Database& database, const Activity& activity);
Expected<void> write(Database& database, const InstanceRow& row, std::int64_t at_ms);
Expected<void> write(Database& database, const Batch::ClusterRow& row);

Expected<Saved> read_saved(Database& database);
Expected<std::vector<Activity>> read_activities(Database& database, const ActivityQuery& query,
                                                int limit);

}  // namespace utakata::sqlite
