// What a ledger must not forget when the controller dies, as events; a ledger is rebuilt by hearing
// them again in order.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/instant.h"

namespace utakata {

struct HoldRecord {
  std::uint64_t number = 0;      // of the placement: where it lies in the table, and a serial
  Instant granted{}, expires{};  // good for this boot of the host only
  std::uint32_t instance = 0;    // as told by instance()
  std::uint32_t room = 0;        // as told by key_bound(); 0: without a key
  std::uint32_t seats = 0;
  bool stranger = false;
  bool arrived = false;  // of a key: its seats are taken, no longer held
  bool retold = false;   // not news: what its room has reserved is what is left without it
  bool operator==(const HoldRecord&) const = default;
};

struct RoomRecord {
  std::uint32_t number = 0;  // never 0, never given twice
  std::uint32_t instance = 0;
  std::uint32_t total = 0;     // seats of the room
  std::uint32_t reserved = 0;  // of them held and not yet drawn, as of this record
  Instant reserved_until{};
  bool stranger = false;    // a stranger's share bears the reserve
  bool maybe_live = false;  // somebody may be in it whom no placement names
  bool operator==(const RoomRecord&) const = default;
};

class PlaceLog {
 public:
  virtual ~PlaceLog() = default;
  virtual void instance(std::uint32_t number, std::string_view id) = 0;
  virtual void granted(const HoldRecord& hold) = 0;
  virtual void ended(std::uint64_t placement) = 0;  // its seats are free, or its client is counted
  virtual void arrived(std::uint64_t placement) = 0;  // of a key
  virtual void key_bound(const RoomRecord& room,
                         std::string_view key) = 0;  // again: its present state
  virtual void key_ended(std::uint32_t room) = 0;
};

// Tells each of several logs.
class PlaceTee final : public PlaceLog {
 public:
  void add(PlaceLog* log) { logs_.push_back(log); }
  void remove(PlaceLog* log) { std::erase(logs_, log); }
  void instance(std::uint32_t number, std::string_view id) override {
    for (PlaceLog* log : logs_) log->instance(number, id);
  }
  void granted(const HoldRecord& hold) override {
    for (PlaceLog* log : logs_) log->granted(hold);
  }
  void ended(std::uint64_t placement) override {
    for (PlaceLog* log : logs_) log->ended(placement);
  }
  void arrived(std::uint64_t placement) override {
    for (PlaceLog* log : logs_) log->arrived(placement);
  }
  void key_bound(const RoomRecord& room, std::string_view key) override {
    for (PlaceLog* log : logs_) log->key_bound(room, key);
  }
  void key_ended(std::uint32_t room) override {
    for (PlaceLog* log : logs_) log->key_ended(room);
  }

 private:
  std::vector<PlaceLog*> logs_;
};

}  // namespace utakata
