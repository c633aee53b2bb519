// The placing side of one controller among several: what fleet/api does, over a made-up network.
// The ledger, its copies, whose a cluster is, who may place what after a takeover and who is asked
// again are the product's own; what carries them (api.cc, api_others.cc, copies.cc, others.cc) is
// followed here, and must be when it changes.
//
// One life of a controller. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fleet/api/ledger_stream.h"
#include "fleet/api/silence.h"
#include "fleet/api/takeovers.h"
#include "fleet/owner/owners.h"
#include "fleet/plan/place.h"
#include "sim/company.h"

namespace utakata {

using Ledgers = std::map<std::string, std::unique_ptr<PlacementLedger>, std::less<>>;

class Desk {
 public:
  struct Parts {
    std::size_t number = 0;  // of the controller
    Timeline& timeline;
    const Clock& clock;  // the controller's
    Duration ahead{};    // of the world's
    Hosts& hosts;
    Company& company;
    const Owners& owners;
    std::function<void(Duration, std::function<void()>)> after;  // held while it is frozen
    std::function<void(SeatReport)> hear;
    std::uint64_t seed = 0;
  };
  Desk(Parts parts, Ledgers past);
  ~Desk();  // who listened to it notices

  void apply(const std::shared_ptr<const PlacementView>& view);
  void turn();              // who owns what may have changed
  void tick();              // each tenth of a second
  Ledgers leave_ledgers();  // as its journal keeps them; the life is over

  struct Call {  // on its way, and answered once
    DoorQuestion question;
    std::optional<std::uint64_t> given_back;  // no question, but this
    bool is_from_peer = false;
    std::function<void(const DoorAnswer&)> answer;
    std::function<void()> not_ours = [] {};  // of a peer's
    Instant until{};                         // when waiting is over
  };
  void take(const std::shared_ptr<Call>& call);
  const PlacementLedger* ledger(const std::string& cluster) const { return find(cluster); }

 private:
  struct Copy;    // of another's ledger, as far as it was heard
  struct Stream;  // to another
  using Told = Takeovers::Told;

  PlacementLedger* find(const std::string& cluster) const;
  PlacementLedger& make(const std::string& cluster);
  bool is_elsewhere(const std::string& cluster) const;
  Ownership owner_of(const std::string& cluster) const;
  bool waits(const std::shared_ptr<const PlacementView>& view);
  void tell_taken(const std::string& cluster, const std::string& former);
  void hand_over(const std::string& cluster, const std::string& url);
  void end(const std::string& cluster);
  PlacementLedger& take_up(const PlacementView& view);
  void place(Call& call, PlacementLedger& ledger);
  void wait(const std::shared_ptr<Call>& call);
  void try_again();
  void send(const std::shared_ptr<Call>& call, const std::string& url);
  Told told(const std::string& cluster, std::int64_t tenure) const;
  void copy_turn();
  void copy_begin(const std::string& cluster, const std::string& url);
  void copy_hear(const std::shared_ptr<Copy>& copy, const std::string& bytes);
  void copy_ended(const std::shared_ptr<Copy>& copy);
  void tell_ledger(const std::string& cluster, const std::shared_ptr<Stream>& stream);
  void end_streams(const std::string& cluster);
  Instant now() const { return parts_.clock.now(); }

  const Parts parts_;
  Ledgers ledgers_, past_;
  bool has_past_ = false;
  Takeovers takeovers_;
  Silence silence_;
  Instant copied_at_{};
  std::map<std::string, std::string> handed_to_;  // clusters' owners' urls, as they said
  std::map<std::string, std::shared_ptr<Copy>, std::less<>> copies_, attempts_;
  std::vector<std::shared_ptr<Stream>> streams_;
  std::map<std::string, std::unique_ptr<PlaceTee>> logs_;
  std::deque<std::shared_ptr<Call>> waiting_;
  std::uint64_t made_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata
