// Holds and keys, kept for the next life of the controller: a file mapped into memory, so that a
// record costs a copy (about 20 ns) and no system call, and outlives `kill -9`. It need not outlive
// the host: the instances of this machine do not either. One thread.
//
// The file is cut into segments of 4 MB, filled in turn; its blocks are reserved beforehand, so a
// full disk cannot hurt while records are written. What time alone ends (a hold) is never written
// again: a segment is free once all its holds have expired and a later snapshot tells what outlives
// them (instances, rooms, placements in rooms). A record is whole if its check word fits, which is
// stored last; the first that does not fit ends its segment.
//
// If room for a segment cannot be had, records are lost, it is said once, and the file keeps until
// when the lost holds last: until then the next life gives away nothing on the instances that it
// finds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/plan/place_log.h"
#include "fleet/plan/place_secret.h"

namespace utakata {

class SeatJournal {
 public:
  struct Options {
    std::uint32_t segment_bytes = 4 * 1024 * 1024;
    std::uint64_t file_bytes_max = std::uint64_t{64} << 30;
    std::string boot;                     // empty: this boot of the host
    std::optional<PlaceSecret> secret{};  // none: the earlier life's, or a new one
  };
  // Makes the file if there is none. `unavailable`: it cannot be made, or another controller has
  // it.
  static Expected<std::unique_ptr<SeatJournal>> open(const std::string& path, Options options);
  ~SeatJournal();
  SeatJournal(const SeatJournal&) = delete;

  PlaceSecret secret() const;       // of names given out, also in earlier lives
  bool has_past() const;            // an earlier life on this boot wrote it
  Instant past_lost_until() const;  // holds that life could not record end by then

  // Tells what the earlier life left, in order; `of` gives each cluster's ledger, or null. Before
  // begin().
  void replay(const std::function<PlaceLog*(std::string_view cluster)>& of, Instant now);
  // This life begins. `dump` tells the logs of all clusters everything, at once.
  void begin(const std::function<void()>& dump);
  // What time alone does not end (instances, rooms and their placements) must be told again from
  // time to time, or no old segment ever gets free. When it is due: snapshot_begin(), retell it
  // to the logs, in pieces if it is much, while records go on; snapshot_end().
  bool snapshot_due() const;
  void snapshot_begin();
  void snapshot_end();
  PlaceLog& log_of(std::string_view cluster);  // lives as long as the journal
  void on_notice(std::function<void(const std::string& sentence)> say);

  std::uint64_t file_bytes() const;

 private:
  struct State;
  explicit SeatJournal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace utakata
