// Tells the controller which of those that it placed have come, by the tickets that they show; and,
// where nobody may come in without, lets in whom it says it placed here. Loop thread only.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "net/curl/http_client.h"
#include "net/loop.h"
#include "realtime/channel/message.h"
#include "realtime/ticket/ticket_desk.h"
#include "wire/prometheus.h"

namespace utakata::realtime {

struct TicketSettings {
  enum class Use : std::uint8_t {
    off,
    confirm,  // who comes without, or with one that does not hold, is let in all the same
    require   // while the controller is away, too; whose ticket it refuses is turned away
  };
  Use use = Use::off;
  std::string url{};    // tickets_url()
  std::string token{};  // of this instance
};

class Doorkeeper {
 public:
  struct TurnedAway {
    bool may_come_again = false;  // as it is, in a while
    const char* why = "";
  };
  // Each once for a client of whom comes() said that it waits, and never within comes() or left().
  struct Calls {
    std::function<void(ClientSlot)> let_in;
    std::function<void(ClientSlot, const TurnedAway&)> turn_away;
  };
  Doorkeeper(net::Loop& loop, TicketSettings settings, Calls calls);
  ~Doorkeeper();

  bool looks_at_tickets() const { return client_.has_value(); }
  // `ticket`: whatever a client says. True: it is in; false: it waits.
  std::expected<bool, TurnedAway> comes(ClientSlot client, std::string ticket);
  void left(ClientSlot client);  // safe to repeat
  void measure(wire::PrometheusWriter& out) const;

 private:
  void go_on();
  void ask(const TicketDesk::Question& question);
  void wake(Instant at);
  void tell(const TicketDesk::Decision& decision);

  net::Loop& loop_;
  const TicketSettings settings_;
  const Calls calls_;
  TicketDesk desk_;
  std::unordered_map<TicketDesk::Id, ClientSlot> waiting_;
  std::unordered_map<ClientSlot, TicketDesk::Id> ids_;  // of those
  std::int64_t malformed_ = 0, missing_ = 0, crowded_out_ = 0;
  net::Loop::TimerId timer_ = 0;
  std::optional<Instant> timer_at_{};
  std::optional<net::HttpClient> client_;  // none: tickets are not looked at. Gone first
};

}  // namespace utakata::realtime
