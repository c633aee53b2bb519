// What `pm2 jlist` says of an app's processes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "fleet/provider/observe/listing.h"

namespace utakata {

struct Pm2App {
  std::string name;
  int port = 0;      // ObserveSpec::pm2_port
  std::string host;  // where this host's processes are reached
};

// Those of its processes that are `online`; a PM2 that has no such app has none. Handle:
// "pm2 3 pid 4711 started 1795447149558", so that one started anew is another instance. Lines that
// are not the list, as the banner of a new PM2, are passed over. `invalid`: there is no list, an
// online process has no port that can be known, or two have the same (PM2's cluster mode).
// Nothing of an environment but the port is ever in a message: it holds secrets.
Expected<std::vector<Listed>> read_pm2(std::string_view text, const Pm2App& app);

}  // namespace utakata
