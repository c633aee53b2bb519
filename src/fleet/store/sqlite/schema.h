// The tables, as numbered steps from each version to the next. A published step is never edited:
// add another.
#pragma once

#include "base/problem.h"
#include "fleet/store/sqlite/database.h"

namespace utakata::sqlite {

// `invalid`: made by a newer program, or by another one altogether. Changes nothing: ask before
// anything is written.
Expected<void> check_owner(Database& database, const std::string& path);
// Brings the file up to date in one transaction.
Expected<void> migrate(Database& database);
int schema_newest();

}  // namespace utakata::sqlite
