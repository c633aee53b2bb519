// What was said on a channel lately, for who missed some of it: bounded by count, age and bytes.
// Pure; `now` never goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

struct TimelineLimits {
  std::size_t count = 100;
  Duration age{5min};
  std::size_t bytes = 1024 * 1024;  // of data; the newest is kept whatever it has
};

class Timeline {
 public:
  struct Entry {
    std::uint64_t offset = 0;
    Instant at{};
    MessagePtr message;
    std::uint64_t came = 0;  // as append() was told
  };
  // `epoch`: unlike that of any other timeline of this name, so random. `forgotten`: what came
  // until then may have been on one of this name that is forgotten.
  Timeline(TimelineLimits limits, std::string epoch, std::uint64_t forgotten = 0)
      : limits_(limits),
        epoch_(std::move(epoch)),
        dropped_(forgotten),
        newest_(forgotten),
        newest_of_others_(forgotten) {}

  // `came`: rises over all that this process puts on the timelines of a tenant, so that what came
  // on several has one order.
  std::uint64_t append(MessagePtr message, Instant now, std::uint64_t came = 0);  // its offset
  // One whose place was given elsewhere. Another epoch begins the timeline anew; a jump ahead drops
  // what was before, for no hole is ever handed out. False: it is not above the last, and ignored.
  bool place(MessagePtr message, const Position& position, Instant now, std::uint64_t came = 0);
  void expire(Instant now);                         // append() does, too
  Position end() const { return {epoch_, last_}; }  // offset 0: nothing yet

  // All that came after it. Nothing: it is of another epoch or ahead of us, or some of what came is
  // not kept any more; whoever asked must start anew.
  std::optional<std::vector<Entry>> since(const Position& position) const;

  // All that came later than that, but for what is not told to that id (Message::but). Nothing:
  // some of it is not kept any more. Who has missed nothing is told so, whatever is kept.
  std::optional<std::vector<Entry>> came_after(std::uint64_t came, std::string_view id) const;
  // The newest that was told to that id, kept or not.
  std::uint64_t newest_for(std::string_view id) const;
  std::optional<std::uint64_t> came_at(const Position& position) const;  // of what is kept

  // Pages, in rising order of offsets, at most `count`.
  std::vector<Entry> newest(std::size_t count) const;
  std::vector<Entry> before(std::uint64_t offset, std::size_t count) const;
  std::vector<Entry> after(std::uint64_t offset, std::size_t count) const;
  std::size_t size() const { return entries_.size(); }

 private:
  std::vector<Entry> slice(std::uint64_t first, std::uint64_t last) const;  // [first, last)
  std::uint64_t first() const { return last_ + 1 - entries_.size(); }
  void drop();
  void begin(std::uint64_t offset);  // empty, and the next is at that offset
  void note(const Message& message, std::uint64_t came);

  TimelineLimits limits_;
  std::string epoch_;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
  // When it came: the newest that was dropped, the newest of all, and of those that are told to
  // whom the newest of all is not.
  std::uint64_t dropped_, newest_, newest_of_others_;
  std::string newest_but_{};
};

}  // namespace utakata::realtime
