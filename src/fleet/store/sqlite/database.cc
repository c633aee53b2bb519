#include "fleet/store/sqlite/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace utakata::sqlite {
namespace {

constexpr int busy_ms =
    2000;  // somebody looks with the sqlite3 program: its writes end within that or never

}  // namespace

Statement::~Statement() {
  if (!raw_) return;
  sqlite3_reset(raw_);
  sqlite3_clear_bindings(raw_);
}

Expected<bool> Statement::next() {
  const int answer = sqlite3_step(raw_);
  if (answer == SQLITE_ROW) return true;
  if (answer == SQLITE_DONE) return false;
  return std::unexpected(database_->failure());
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(raw_, column); }

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(raw_, column);
  const int size = sqlite3_column_bytes(raw_, column);
  return bytes ? std::string(static_cast<const char*>(bytes), std::size_t(size)) : std::string();
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(raw_, column) == SQLITE_NULL;
}

void Statement::put(int place, std::int64_t value) {
  check(sqlite3_bind_int64(raw_, place, value) == SQLITE_OK,
        "a statement has as many places as values");
}

void Statement::put(int place, std::string_view value) {
  const char* bytes = value.data() ? value.data() : "";
  const int answer =
      sqlite3_bind_text64(raw_, place, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
  check(answer == SQLITE_OK || answer == SQLITE_TOOBIG || answer == SQLITE_NOMEM,
        "a statement has as many places as values");
}

void Statement::put(int place, Blob value) {
  const char* bytes =
      value.bytes.data() ? value.bytes.data() : "";  // a null pointer would be a NULL
  const int answer = sqlite3_bind_blob64(raw_, place, bytes, value.bytes.size(), SQLITE_STATIC);
  check(answer == SQLITE_OK || answer == SQLITE_TOOBIG || answer == SQLITE_NOMEM,
        "a statement has as many places as values");
}

void Statement::put(int place, std::nullopt_t) {
  check(sqlite3_bind_null(raw_, place) == SQLITE_OK, "a statement has as many places as values");
}

Expected<std::unique_ptr<Database>> Database::open(const std::string& path) {
  // Made by us first: SQLite would let everybody read it, and it holds the hashes of tokens.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    const int error = errno;
    return problem(
        error == ENOSPC ? Problem::Kind::unavailable : Problem::Kind::refused,
        fmt::format("store {}: cannot be opened for writing: {}", path, std::strerror(error)),
        error == ENOSPC);
  }
  ::close(file);
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int answer = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<Database> database(new Database(path, raw));
  if (answer != SQLITE_OK) return std::unexpected(database->failure());
  sqlite3_busy_timeout(raw, busy_ms);
  return database;
}

Expected<std::unique_ptr<Database>> Database::open_to_read(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0)
    return problem(Problem::Kind::not_found, fmt::format("store {}: there is no such file", path));
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int answer = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<Database> database(new Database(path, raw));
  if (answer != SQLITE_OK) return std::unexpected(database->failure());
  sqlite3_busy_timeout(raw, busy_ms);
  return database;
}

Database::~Database() {
  for (const auto& [sql, raw] : prepared_) sqlite3_finalize(raw);
  sqlite3_close(raw_);
}

Expected<Statement> Database::statement(std::string_view sql) {
  std::string key(sql);
  if (const auto known = prepared_.find(key); known != prepared_.end())
    return Statement(*this, known->second);
  sqlite3_stmt* raw = nullptr;
  const int answer = sqlite3_prepare_v3(raw_, key.c_str(), int(key.size()) + 1,
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (answer != SQLITE_OK) return std::unexpected(failure());
  prepared_.emplace(std::move(key), raw);
  return Statement(*this, raw);
}

Expected<void> Database::finish(Statement& statement) {
  for (;;) {
    const auto row = statement.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
  }
}

Expected<void> Database::script(const char* sql) {
  if (sqlite3_exec(raw_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(failure());
  return {};
}

Expected<std::int64_t> Database::number(std::string_view sql) {
  auto prepared = statement(sql);
  if (!prepared) return std::unexpected(prepared.error());
  const auto row = prepared->next();
  if (!row) return std::unexpected(row.error());
  return *row ? prepared->integer(0) : 0;
}

Expected<void> Database::transaction(const std::function<Expected<void>()>& body) {
  if (auto begun = run("BEGIN IMMEDIATE"); !begun) return begun;
  Expected<void> done = body();
  if (done) done = run("COMMIT");
  // A full disk may have ended the transaction already; a failed COMMIT has not.
  if (!done && !sqlite3_get_autocommit(raw_)) (void)run("ROLLBACK");
  return done;
}

std::int64_t Database::last_number() const { return sqlite3_last_insert_rowid(raw_); }
std::int64_t Database::changed() const { return sqlite3_changes64(raw_); }

Problem Database::failure() const {
  const auto say = [&](Problem::Kind kind, std::string_view what, bool retry) {
    return Problem{kind, fmt::format("store {}: {}", path_, what), retry};
  };
  const char* words = raw_ ? sqlite3_errmsg(raw_) : "out of memory";
  switch ((raw_ ? sqlite3_errcode(raw_) : SQLITE_NOMEM) & 0xff) {
    case SQLITE_FULL:
      return say(Problem::Kind::unavailable, "the disk is full; nothing was recorded: make room",
                 true);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return say(Problem::Kind::unavailable, "another program keeps it locked: end that program",
                 true);
    case SQLITE_NOTADB:
      return say(Problem::Kind::invalid, "the file is not a SQLite database: name another file",
                 false);
    case SQLITE_CORRUPT:
      return say(
          Problem::Kind::invalid,
          fmt::format("the file is damaged ({}): restore a copy, or move it away to begin anew",
                      words),
          false);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return say(
          Problem::Kind::unavailable,
          fmt::format("the file cannot be written ({}): check its owner and its folder", words),
          true);
    case SQLITE_IOERR:
      return say(Problem::Kind::unavailable,
                 fmt::format("the disk failed ({}, {}); nothing was recorded", words,
                             std::strerror(sqlite3_system_errno(raw_))),
                 true);
    default:
      return say(Problem::Kind::unavailable, words, true);
  }
}

}  // namespace utakata::sqlite
