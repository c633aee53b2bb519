// The controller's HTTP side: placing from memory, everything else by asking the control loop. Runs
// on one loop, which it never blocks.
//
//   POST   /v1/stacks/S/clusters/C/placements           {"seats", "key", "hold", "line"}, all
//   optional GET    /v1/stacks/S/clusters/C/endpoint             the same for one client; the url
//   also in X-Utakata-Url DELETE /v1/stacks/S/clusters/C/placements/ID        gives its seats back;
//   also after they have ended DELETE /v1/stacks/S/clusters/C/keys/KEY             the room is over
//   POST   /v1/stacks/S/clusters/C/tickets/TICKET       by the instance, with its own token: the
//   client has come (once a seat) POST   /v1/stacks/S/clusters/C/placements/ID/confirm  the same by
//   the placement's id GET    /v1/stacks, /v1/stacks/S, .../clusters/C/explain,
//   .../activities?cluster=&instance=&after=&limit= POST   .../clusters/C/scale {"instances": N or
//   null}, .../clusters/C/restart, .../instances/I/(drain|undrain|replace|restart)
//          {"now", "deadline_ms"}, .../apply {"text", "dry_run"}, .../down {"now", "deadline_ms"}
//   GET    /healthz, /metrics
//
// Refusals are application/problem+json. 503 has Retry-After and, where the caller stands in line,
// `line` to send back, and `ahead`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet/model/admin.h"
#include "fleet/model/placement.h"
#include "fleet/model/published.h"
#include "fleet/model/stack.h"
#include "fleet/owner/owners.h"
#include "fleet/plan/place_secret.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace utakata {

struct ApiOptions {
  std::string stack;
  ApiSpec api;
  std::string admin_token_hash;  // wire::sha256_hex; empty: nothing can be changed
  std::string place_token_hash;  // empty: there is no such token
  std::string seats_path;  // the journal of holds and keys (seat_journal.h); empty: none, and no
                           // past either
  // Where several controllers run the stack; none: there is no other. Outlives the Api.
  Owners* owners = nullptr;
  std::string peer_token = {};  // by which they know one another
  // Of the names of placements and tickets: one for all controllers of a stack. None: its own.
  std::optional<PlaceSecret> place_secret = {};
};

class Api {
 public:
  Api(net::Loop& loop, FleetAccess& fleet, ApiOptions options);
  ~Api();

  Expected<std::uint16_t> listen();  // at ApiSpec::listen; the port that was taken
  // The first one of a name makes the cluster known. A great one is taken in slices between
  // requests; when it is in force, it is reported.
  void apply(std::shared_ptr<const PlacementView> view);
  void forget(const std::string& cluster);  // it is no more
  // Who owns what may have changed. What is asked for a cluster of another's goes there; while a
  // cluster has no owner, or its owner no view of it yet, its callers wait.
  void turn();
  // Do all controllers that are there listen to what is given of our clusters? Who leaves then
  // leaves nothing unknown.
  bool is_heard() const;
  // Of several controllers each tells of all clusters. O(instances), 20 ns each.
  std::vector<PublishedCluster> published() const;
  void on_report(std::function<void(SeatReport)> hear);  // of each view, once it is in force
  void on_notice(
      std::function<void(const std::string& sentence)> say);  // what an operator should know

  struct State;  // api_state.h

 private:
  std::unique_ptr<State> state_;
};

}  // namespace utakata
