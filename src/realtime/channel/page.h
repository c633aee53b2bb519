// A page of a channel's timeline, as it is asked for from outside and as it is told there: the same
// in the HTTP API and in both dialects. Values, pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "realtime/channel/timeline.h"

namespace utakata::realtime {

// What was asked for, as it was written: JSON values, or words of a query. Empty, null: not said.
struct PageWords {
  std::string limit{}, before{}, after{};
};

struct PageAsked {
  std::size_t limit = 50;
  std::optional<std::uint64_t> before{}, after{};  // offsets, one of them at most; none: the newest
};
inline constexpr std::size_t page_limit_max = 100;
// `invalid`: a number is none or out of its bounds, or both offsets are given.
Expected<PageAsked> page_asked(const PageWords& words);

struct Page {
  Position newest{};                        // of the channel; an empty epoch: nothing was said yet
  std::vector<Timeline::Entry> messages{};  // offsets rise by one
  bool has_more = false;                    // further on, in the direction that was asked for
};
// A page ends early where its data would be more than a quarter of a megabyte, but has one message:
// it must fit, with what else waits, into what may wait for a client (sockets.h).
inline constexpr std::size_t page_bytes_max = 256 * 1024;
Page page_of(const Timeline& timeline, const PageAsked& asked);

// "epoch":"...","newest":9,"messages":[{"offset":9,"event":"said","data":...,"user_id"?:"..."}],
// "more":false: what is between the braces of a JSON object.
std::string page_fields(const Page& page);

}  // namespace utakata::realtime
