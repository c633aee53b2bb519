// Reads a seat journal's records and tells them to ledgers. Private to seat_journal. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "fleet/api/seat_segment.h"
#include "fleet/plan/place_log.h"

namespace utakata::seats {

struct SeatRecord {
  RecordHead head;
  std::string_view payload;
  std::size_t next = kHeadBytes;  // where the record after it lies

  bool read(std::string_view segment, std::uint64_t sequence);  // false: no further whole one
};

// Told all segments in the order of their sequence, twice: survey() learns where the last whole
// snapshot begins, and all names; tell() tells. Of segments before that snapshot only unexpired
// holds without a key still count.
class SeatReplay {
 public:
  using Of = std::function<PlaceLog*(std::string_view cluster)>;
  SeatReplay(const Of& of, Instant now) : of_(of), now_(now) {}

  void begin_segment(std::uint64_t sequence);
  void survey(const SeatRecord& record);
  void tell(const SeatRecord& record);

 private:
  PlaceLog* log(const SeatRecord& record);
  void tell_granted(PlaceLog& log, std::string_view bytes);
  void tell_key(PlaceLog& log, std::string_view bytes);

  const Of& of_;
  const Instant now_;
  std::uint64_t snapshot_ = 0, sequence_ = 0;
  std::map<std::uint8_t, PlaceLog*> logs_;  // of the segment's clusters
};

}  // namespace utakata::seats
