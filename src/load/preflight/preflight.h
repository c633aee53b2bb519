// Whether this host can hold what a plan asks for, and by how many processes; else which limit is
// hit first, and what helps. Pure: what the host allows comes in.
//
// Users of closed models are certain, and where they do not fit that is an error. How many of an
// open model's arrivals are there at once is known only where it is said how long they stay
// (`stay`); where it is not, nothing is said as long as all of them together would fit, and else a
// warning tells how long they may stay. Sockets that outlive an iteration add up, which no plan
// tells: who leaves them open counts them in `sockets_per_user`. Ports and connections tracked are
// held for a while by those that are closed already (ports where this side closed first): of
// arrivals that is counted, for a warning; how often users of closed models begin anew is not
// known.
//
// On loopback the servers' ends of the sockets are this host's, too: its open files and kernel
// memory hold both. A connection is tracked once, and takes one port. What the servers themselves
// need of memory and cores is not known here and not counted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "load/plan/plan_peak.h"
#include "load/preflight/host_facts.h"

namespace utakata::load {

struct PreflightAsk {
  LoadPeak peak{};                        // peak(plan)
  double sockets_per_user = 1;            // at once; 0.001 to 1,000
  std::int64_t user_bytes = 3000;         // of memory, without the kernel's; a raw WebSocket's user
  std::optional<Duration> stay{};         // of an arrival, at most
  bool is_loopback = false;               // the tested servers are on this host
  std::int64_t sources = 1;               // addresses that are dialled from
  std::int64_t targets = 1;               // addresses and ports that are dialled
  std::optional<std::int64_t> workers{};  // as a person wants it, to 100,000; else what is best
};

enum class Severity : std::uint8_t { error, warning };
enum class Limit : std::uint8_t {
  descriptors,
  ports,
  conntrack,
  memory,
  cores,
  processes,
  backlog
};
std::string_view name(Limit limit);  // as here

struct Finding {
  Severity severity = Severity::error;
  Limit limit = Limit::descriptors;
  std::int64_t users = 0;    // that it allows: at once,
  bool is_a_second = false;  // or that begin in each second
  std::string what;          // a sentence: what it is, and what helps
  bool operator==(const Finding&) const = default;
};

struct Preflight {
  std::int64_t workers = 1;           // processes to start
  std::int64_t users_per_worker = 0;  // at once, that a worker may come to have: shared as by Part
  std::vector<Finding> findings;      // errors first, then the lowest first

  bool is_possible() const;  // there is no error
};

// As many workers as there are cores, but no more than users; more where descriptors of one process
// do not suffice. For arrivals whose stay is not known eight a core are the most of those.
Preflight preflight(const PreflightAsk& ask, const HostFacts& host);

// A line for each: "error: ports: 28,232 local ports of 1 source address allow ...".
std::string to_text(std::span<const Finding> findings);
// An array: [{"severity": "error", "limit": "ports", "users": 28232, "what": "..."}]; users that
// begin in each second are "users_per_second".
std::string to_json(std::span<const Finding> findings);

}  // namespace utakata::load
