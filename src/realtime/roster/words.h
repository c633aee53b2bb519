// What rosters say to one another, as bytes: a head (who says it, how many announcements it has
// made), then what it is about. Compact and our own; another version's is not understood. Pure.
//
//   "R" version kind from number flags | snapshot: part parts | ask: count ids... | entries
//   numbers are varints (7 bits a byte, low ones first), texts a varint of their size and bytes.
//   An entry is a letter with its fields: T tenant, C channel (both for what follows),
//   R readers, J user info, L user, P key value, G key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace utakata::realtime {

inline constexpr std::size_t roster_body_bytes = 48 * 1024;  // no body that is written is larger
inline constexpr std::size_t roster_body_bytes_max = 64 * 1024;  // that is read
inline constexpr std::size_t roster_id_bytes_max = 100;

struct RosterEntry {  // views of what it was read from or is written from
  enum class Kind : std::uint8_t { reads, joins, leaves, puts, removes };
  Kind kind = Kind::reads;
  std::string_view tenant, channel;
  std::size_t readers = 0;          // of reads: now
  std::string_view user{}, info{};  // of joins and leaves; of joins
  std::string_view key{}, value{};  // of puts and removes; of puts
};

struct RosterWord {
  enum class Kind : std::uint8_t { changes, snapshot, heartbeat, ask, bye };
  Kind kind = Kind::heartbeat;
  std::string_view from;
  std::uint64_t number = 0;           // of changes: theirs, they rise by one; else the last one's
  bool is_ready = false;              // it knows of all others: it may be a keeper
  std::uint32_t part = 0, parts = 1;  // of a snapshot
  std::vector<std::string_view> whom{};  // of ask; empty: everybody
  std::vector<RosterEntry> entries{};    // of changes and snapshot; not written by write_word
};

// Views into the body. Nothing: it is not whole and right, or of another version, or too large.
std::optional<RosterWord> read_roster_word(std::string_view body);
// `entries`: a text of RosterEntries.
std::string write_roster_word(const RosterWord& head, std::string_view entries = {});

// Entries as texts that each fit into one body, each readable without the others.
class RosterEntries {
 public:
  bool add(const RosterEntry& entry);  // false: too large for any body, and left out
  std::vector<std::string> take();     // at least one, it may be empty

 private:
  std::vector<std::string> full_;
  std::string text_, tenant_, channel_;  // the last two: of what was written last into text_
};

}  // namespace utakata::realtime
