// The numbers in one answer, or what is wrong with it. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/stack.h"

namespace utakata {

struct Reading {
  int connections = 0;
  std::optional<std::int64_t> accepted;
  std::vector<double> metrics;  // as Sight's
  std::string complaint;  // of a number other than the connections that was named and not told;
                          // they alone are a must
};

inline constexpr int connections_max =
    10'000'000;  // one host has no more ports and memory; beyond it is a mistake or a lie

class CountReader {
 public:
  virtual ~CountReader() = default;
  // `body` may grow by some spare bytes behind its end. `invalid` names the field and what was
  // found: "field connections is -3, which is no count".
  virtual Expected<Reading> read(std::string& body) = 0;
};
// Fields by dotted paths: `rooms.0.players` is a member of an array's first element; a member's own
// name may hold dots too.
std::unique_ptr<CountReader> make_json_reader(const ClusterSpec& spec);
// Metrics by name, summed over their samples; `name{label="x"}` chooses samples.
std::unique_ptr<CountReader> make_prometheus_reader(const ClusterSpec& spec);

// What both have in common. `name`: "field connections", "metric players".
Expected<int> connections_from(const std::string& name, double found);
Expected<std::int64_t> accepted_from(const std::string& name, double found);
std::string excerpt(std::string_view body);  // the beginning, printable, in quotes

}  // namespace utakata
