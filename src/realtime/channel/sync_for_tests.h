// For tests: a client that believes what it is told of a sync channel.
#pragma once

#include <map>
#include <string>

#include "base/check.h"

namespace utakata::realtime {

using SyncBelief = std::map<std::string, std::string>;

// {"a":5,"b":null}: keys without escapes, values without commas and braces.
inline void hear_sync(const std::string& object, SyncBelief& belief) {
  for (std::size_t at = 0; at + 2 < object.size();) {
    const std::size_t key = object.find('"', at) + 1, key_end = object.find('"', key);
    const std::size_t end = object.find_first_of(",}", key_end);
    const std::string value = object.substr(key_end + 2, end - key_end - 2);
    if (value != "null")
      belief[object.substr(key, key_end - key)] = value;
    else
      check(belief.erase(object.substr(key, key_end - key)) == 1, "what was never there is gone");
    at = end;
  }
}

}  // namespace utakata::realtime
