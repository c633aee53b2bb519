// Names of channels, and what their beginning says of them (Pusher Channels, "Channel types" and
// "Channel naming conventions"). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace utakata::realtime {

// Who may subscribe: anybody; who brings a signature; who brings one, and says who it is.
enum class ChannelAccess : std::uint8_t { open, private_, presence };

struct ChannelKind {
  ChannelAccess access = ChannelAccess::open;
  bool is_cache = false;      // its last message is told to each newcomer
  bool is_encrypted = false;  // between its members: clients may not publish on it
  bool is_sync = false;       // its clients' states are joined, see sync.h

  bool needs_signature() const { return access != ChannelAccess::open; }
  bool takes_client_events() const { return needs_signature() && !is_encrypted; }
  bool operator==(const ChannelKind&) const = default;
};

inline constexpr std::size_t channel_name_bytes_max = 200;

// By the prefixes private-, presence-, private-encrypted-, and cache- behind or instead of them;
// sync- behind or instead of private- and presence-.
ChannelKind channel_kind(std::string_view name);

// 1 to 200 of letters, digits and _-=@,.; as published; no others may be subscribed to or published
// on.
bool is_channel_name(std::string_view name);

}  // namespace utakata::realtime
