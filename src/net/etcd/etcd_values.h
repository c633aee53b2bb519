// What is asked of etcd and what it answers, as values: its v3 words, keys and values as plain
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"

namespace utakata::net {

// etcd's own limits as it ships: operations of a branch of a transaction, or compares of it; bytes
// of one request, keys and values together.
inline constexpr std::size_t etcd_operations_max = 128;
inline constexpr std::size_t etcd_request_bytes_max = 1536 * 1024;

struct EtcdRow {
  std::string key, value;
  std::int64_t create_revision = 0;  // of the write that made the key; never 0
  std::int64_t mod_revision = 0;     // of the newest write
  std::int64_t version = 0;          // writes since it was made
  std::int64_t lease = 0;            // 0: none
  bool operator==(const EtcdRow&) const = default;
};

struct EtcdRange {
  std::string key;
  std::string end{};          // empty: that one key; otherwise all from `key` to before `end`
  std::int64_t limit = 0;     // rows, in the order of their keys; 0: all
  std::int64_t revision = 0;  // as it was then; 0: now
  bool keys_only = false;
};

// The key before which all that begin with `prefix` end.
std::string etcd_prefix_end(std::string prefix);
inline EtcdRange etcd_prefix(std::string_view prefix) {
  return {.key = std::string(prefix), .end = etcd_prefix_end(std::string(prefix))};
}

struct EtcdRows {
  std::int64_t revision = 0;  // of the whole etcd, when it was answered
  std::vector<EtcdRow> rows;  // by key
  bool has_more = false;      // beyond the limit
};

struct EtcdCompare {
  enum class What { create_revision, mod_revision, version };
  std::string key;
  What what = What::create_revision;
  std::int64_t equals = 0;  // 0: the key is not there
};
struct EtcdPut {
  std::string key, value;
  std::int64_t lease = 0;  // with whose end the key goes; 0: none
};
struct EtcdDelete {
  std::string key;
  std::string end{};  // as of a range
};

// If all compares hold: the puts and deletes, all or none. Otherwise `otherwise` is answered. A key
// may be written once.
struct EtcdTxn {
  std::vector<EtcdCompare> compares;
  std::vector<EtcdPut> puts;
  std::vector<EtcdDelete> deletes;
  std::vector<EtcdRange> otherwise;
};

struct EtcdTxnAnswer {
  bool has_succeeded = false;         // the compares held
  std::int64_t revision = 0;          // where it succeeded and wrote: that of its writes
  std::vector<EtcdRows> otherwise{};  // where it did not: one each
};

struct EtcdLease {
  std::int64_t id = 0;
  Duration ttl{};  // what etcd gave: never less than was asked, and 2 s at least as it ships
};

struct EtcdEvent {
  bool is_delete = false;  // by hand or by the end of a lease; then of `row` only key, mod_revision
  EtcdRow row;
  bool operator==(const EtcdEvent&) const = default;
};

}  // namespace utakata::net
