// Words for people: durations, sizes, and the nearest known word to a mistyped one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/instant.h"

namespace utakata {

std::string to_text(Duration d);  // "500ms", "3s", "1m30s", "2d"
std::optional<Duration> duration_from(
    std::string_view text);  // the stack file's `500ms 3s 10m 1h 2d`, 1h30m too
std::optional<std::int64_t> bytes_from(std::string_view text);  // "512M" (1024-based), "20000"
std::string to_text(WallTime t);  // RFC 3339 in UTC: "2026-11-22T02:14:33.120Z"
std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> known);  // distance <= 2
// ", did you mean `x`?" or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);
// For messages: in backticks, cut at 60 characters, without control characters.
std::string in_ticks(std::string_view text);
std::string plural(long long n, std::string_view noun);  // "1 client", "12 clients"

}  // namespace utakata
