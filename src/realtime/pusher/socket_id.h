// What protocol 7 calls a client, `number.number`: as numbers, since there is one for each client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::realtime {

struct SocketId {
  std::uint32_t process = 0;                      // apart from those of other processes
  std::uint32_t serial_high = 0, serial_low = 0;  // halves: 12 bytes, not 16

  static SocketId of(std::uint32_t process, std::uint64_t serial) {
    return {process, std::uint32_t(serial >> 32), std::uint32_t(serial)};
  }
  // Nothing: not as text() writes it, so it is nobody's.
  static std::optional<SocketId> read(std::string_view text);
  std::string text() const;
  std::uint64_t serial() const { return std::uint64_t{serial_high} << 32 | serial_low; }
  bool operator==(const SocketId&) const = default;
};

struct SocketIdHash {
  std::size_t operator()(const SocketId& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.serial() ^ std::uint64_t{id.process} << 32);
  }
};

}  // namespace utakata::realtime
