// A thin layer over one SQLite connection: closed and reset by scope, statements prepared once,
// failures as Problems.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/problem.h"

struct sqlite3;
struct sqlite3_stmt;

namespace utakata::sqlite {

class Database;

struct Blob {
  std::string_view bytes;
};

// A statement under way, borrowed from its Database's cache and reset when it goes. At most one at
// a time for each text.
class Statement {
 public:
  Statement(Database& database, sqlite3_stmt* raw) : database_(&database), raw_(raw) {}
  Statement(Statement&& other) noexcept
      : database_(other.database_), raw_(std::exchange(other.raw_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // ?1, ?2 ... in their order. Text and blobs are not copied: they must outlive the statement.
  template <class... Values>
  Statement& bind(const Values&... values) {
    int place = 0;
    (put(++place, values), ...);
    return *this;
  }
  // True: there is a row, whose columns (from 0) may be read until the next call.
  Expected<bool> next();
  std::int64_t integer(int column) const;
  std::string text(int column) const;  // of a blob too
  bool is_null(int column) const;

 private:
  void put(int place, std::int64_t value);
  void put(int place, int value) { put(place, std::int64_t{value}); }
  void put(int place, bool value) { put(place, std::int64_t{value}); }
  void put(int place, std::string_view value);
  void put(int place, Blob value);
  void put(int place, const std::string& value) { put(place, std::string_view(value)); }
  void put(int place, const char* value) { put(place, std::string_view(value)); }
  void put(int place, std::nullopt_t);
  template <class T>
  void put(int place, const std::optional<T>& value) {
    if (value)
      put(place, *value);
    else
      put(place, std::nullopt);
  }

  Database* database_;
  sqlite3_stmt* raw_;
};

class Database {
 public:
  // Opens, or makes, the file; only its owner may read a new one. Nothing is read yet, so a foreign
  // file is not noticed.
  static Expected<std::unique_ptr<Database>> open(const std::string& path);
  // Only reads, beside whoever writes. `not_found`: there is no such file.
  static Expected<std::unique_ptr<Database>> open_to_read(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Expected<Statement> statement(std::string_view sql);
  // One statement whose rows, if any, are of no interest.
  template <class... Values>
  Expected<void> run(std::string_view sql, const Values&... values) {
    auto prepared = statement(sql);
    if (!prepared) return std::unexpected(prepared.error());
    prepared->bind(values...);
    return finish(*prepared);
  }
  Expected<void> script(const char* sql);  // several, without values
  Expected<std::int64_t> number(
      std::string_view sql);  // the first column of the first row; no row: 0
  // All of `body` or nothing. Its own Problem comes back unchanged.
  Expected<void> transaction(const std::function<Expected<void>()>& body);
  std::int64_t last_number() const;  // of the last row inserted
  std::int64_t changed() const;      // rows changed by the last statement

  // What the connection's last failure means to a caller. `unavailable` with retry where the disk
  // or a lock is at fault.
  Problem failure() const;

 private:
  Database(std::string path, sqlite3* raw) : path_(std::move(path)), raw_(raw) {}
  Expected<void> finish(Statement& statement);

  std::string path_;
  sqlite3* raw_;
  std::unordered_map<std::string, sqlite3_stmt*> prepared_;
};

}  // namespace utakata::sqlite
