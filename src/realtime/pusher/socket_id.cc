#include "realtime/pusher/socket_id.h"

#include <fmt/format.h>

#include <charconv>

namespace utakata::realtime {

std::optional<SocketId> SocketId::read(std::string_view text) {
  std::uint32_t process = 0;
  std::uint64_t serial = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, process);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, serial);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  const SocketId id = of(process, serial);
  return id.text() == text ? std::optional(id) : std::nullopt;  // 07.1 is not 7.1
}

std::string SocketId::text() const { return fmt::format("{}.{}", process, serial()); }

}  // namespace utakata::realtime
