// The ports that instances are given: from a range, in turn, never one that is in use by anybody.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

namespace utakata {

// True if nobody on this host listens on the port, on any address of either family: it is tried by
// binding the wildcard with SO_REUSEADDR, which connections in TIME_WAIT allow and a listener does
// not. Another may take it a moment later.
bool is_port_free(std::uint16_t port);

class PortRange {
 public:
  PortRange(std::uint16_t first, std::uint16_t last) : first_(first), last_(last), next_(first) {}
  // The next free one after the one given last: a port that made trouble is not given again at
  // once. None: all are in use.
  std::optional<std::uint16_t> take();
  void keep(std::uint16_t port);  // an adopted instance's, in the range or not
  void give_back(std::uint16_t port);

 private:
  std::uint16_t first_, last_, next_;
  std::set<std::uint16_t> taken_;
};

}  // namespace utakata
