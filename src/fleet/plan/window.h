// The largest value of the last while, without keeping them all. Values, no thread of its own.
#pragma once

#include <deque>
#include <optional>

#include "base/instant.h"

namespace utakata {

// Each value is in force from its put() until the next: after a pause between two puts the former
// value still counts from the end of the pause, so silence never empties the window. Amortized
// O(1); holds falling values only, so with n different values at most n.
class WindowMax {
 public:
  struct Entry {
    int value = 0;
    Instant until{};  // last in force
    bool operator==(const Entry&) const = default;
  };

  // `now` never goes back. What was last in force `length` ago or earlier is forgotten.
  void put(Instant now, int value, Duration length) {
    if (newest_) keep({*newest_, now});
    newest_ = value;
    keep({value, now});
    while (now - entries_.front().until >= length && entries_.size() > 1) entries_.pop_front();
  }
  // Of an empty window: nothing.
  std::optional<Entry> max() const {
    return entries_.empty() ? std::nullopt : std::optional(entries_.front());
  }

 private:
  void keep(Entry entry) {
    while (!entries_.empty() && entries_.back().value <= entry.value) entries_.pop_back();
    entries_.push_back(entry);
  }

  std::deque<Entry> entries_;  // values fall, times rise
  std::optional<int> newest_;
};

}  // namespace utakata
