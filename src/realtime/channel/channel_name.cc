#include "realtime/channel/channel_name.h"

#include <algorithm>

namespace utakata::realtime {
namespace {

bool take(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-=@,.;").contains(c);
}

}  // namespace

ChannelKind channel_kind(std::string_view name) {
  ChannelKind kind;
  if (take(name, "private-")) {
    kind.access = ChannelAccess::private_;
    kind.is_encrypted = take(name, "encrypted-");
  } else if (take(name, "presence-")) {
    kind.access = ChannelAccess::presence;
  }
  kind.is_cache = take(name, "cache-");
  kind.is_sync = !kind.is_cache && !kind.is_encrypted && name.starts_with("sync-");
  return kind;
}

bool is_channel_name(std::string_view name) {
  return !name.empty() && name.size() <= channel_name_bytes_max &&
         std::ranges::all_of(name, is_allowed);
}

}  // namespace utakata::realtime
