// What the Api is made of. Private to api*.cc.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fleet/api/answers.h"
#include "fleet/api/api.h"
#include "fleet/api/copies.h"
#include "fleet/api/gate.h"
#include "fleet/api/others.h"
#include "fleet/api/peer_door.h"
#include "fleet/api/places.h"
#include "fleet/api/seat_journal.h"
#include "fleet/api/takeovers.h"
#include "fleet/plan/place_strangers.h"

namespace utakata {

struct ApiCall {  // one request on its way
  const net::HttpRequest& request;
  net::HttpReply& reply;
  std::string_view method;  // GET for HEAD too
  Caller caller = Caller::stranger;
  std::string cors;  // lines of the answer
};

struct Api::State {
  State(net::Loop& loop, FleetAccess& fleet, ApiOptions options);

  void take(const net::HttpRequest& request, net::HttpReply reply);
  void apply(const std::shared_ptr<const PlacementView>& view);
  void apply_on(const std::string& cluster);
  bool waits(const std::shared_ptr<const PlacementView>& view);
  void apply_kept();
  void end_over();  // ledgers that are not all any more
  Places& take_up(const PlacementView& view);
  void keep_past(std::unique_ptr<Places> places);
  void open_journal();  // and what an earlier life left in it
  void tick_all();
  void retell();
  Places& make(std::string_view cluster, std::vector<std::unique_ptr<Places>>& into);

  // api_place.cc
  bool take_placement(const net::HttpRequest& request,
                      net::HttpReply& reply);  // the hot one; false: not that
  void place(ApiCall& call, Places& places, bool as_endpoint);
  bool passes_rate(ApiCall& call);
  bool admits_origin(ApiCall& call);  // fills in `cors`
  void route_cluster(ApiCall& call, const std::vector<std::string>& pieces);

  // api_others.cc
  bool is_elsewhere(std::string_view cluster) const;
  void send_on(ApiCall& call, Others::Passage passage);
  void ask_all(ApiCall& call, AdminCall admin);
  struct ToAll {
    std::string target, body;
    std::shared_ptr<net::HttpReply> reply;
    AdminCall admin;
    Instant until{};
  };
  void ask_others(const ToAll& all);
  void ask_status(ApiCall& call);
  struct LedgerStream;
  void tell_ledger(ApiCall& call, const std::string& cluster);
  void tell_on(const std::weak_ptr<LedgerStream>& to);
  void hand_over(ApiCall& call, const std::string& cluster);
  void tell_taken(const std::string& cluster, const Ownership& ownership) const;
  void end_ledgers(const std::string& cluster);
  bool tell_before_answering();

  // api_admin.cc
  void route(ApiCall& call);
  void route_stack(ApiCall& call, const std::vector<std::string>& pieces);
  void route_change(ApiCall& call, const std::vector<std::string>& pieces);
  static std::string read_change(std::string_view body, AdminCall& admin);
  void ask(ApiCall& call, AdminCall admin) { ask(std::move(call.reply), std::move(admin)); }
  void ask(net::HttpReply reply, AdminCall admin);
  bool may_read(ApiCall& call);
  bool may_change(ApiCall& call);
  bool allows(ApiCall& call, std::string_view method);  // else 405
  // `kind`: cluster or stack, of which the nearest known one is said; empty: a path.
  void not_found(ApiCall& call, const std::string& kind, const std::string& name);
  void metrics(ApiCall& call);

  Places* find(std::string_view cluster) const;
  Instant now() const { return loop.now(); }

  net::Loop& loop;
  FleetAccess& fleet;
  const ApiOptions options;
  Gate gate;
  AddressRates rates;
  PlaceSecret secret;
  std::unique_ptr<SeatJournal> journal;  // none: holds do not outlive this process
  std::vector<std::unique_ptr<Places>> clusters;
  std::vector<std::unique_ptr<Places>> past;  // of an earlier life, until a view names them
  Instant past_until{};
  Duration wall_offset{};  // wall minus monotonic
  net::SystemClock clock;
  net::Loop::TimerId tick = 0;
  std::function<void(SeatReport)> hear = [](const SeatReport&) {};
  std::function<void(const std::string&)> say;
  std::vector<std::string> unsaid;  // before anybody listened
  std::unique_ptr<net::HttpServer> server;
  std::unique_ptr<Others> others;  // where there may be some
  std::unique_ptr<PeerDoor> door;
  std::unique_ptr<Copies> copies;
  Takeovers takeovers;
  std::vector<std::shared_ptr<LedgerStream>> ledger_streams;  // to other controllers
  std::int64_t requests = 0;
};

}  // namespace utakata
