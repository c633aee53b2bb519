// Who reloads a page is gone for a moment and back: neither is told. channel_vacated and
// member_removed wait for a grace; the channel_occupied or member_added that comes meanwhile takes
// both away. What happens on that channel behind a waiting one waits with it: the order of a
// channel is kept, at the price of the grace at most. (Pusher Channels: "If a user disconnects and
// then reconnects within 3 seconds, neither event will be delivered via webhook".)
//
// Pure; one thread; `now` never goes back. When it is asked makes no difference to what comes out
// and at which instant. Cost: O(log of what waits) for each event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "realtime/webhook/event.h"

namespace utakata::realtime {

struct GraceLimits {
  Duration grace{3s};  // zero: nothing waits
  // Of what waits. Beyond, who has waited longest is told without the rest of its grace: a return
  // is told, too, then, and nothing is lost.
  std::size_t held_events = 100'000;
  std::size_t held_bytes = 32 * 1024 * 1024;  // as WebhookItem::bytes() counts
};

class WebhookGrace {
 public:
  struct Settled {
    WebhookItemPtr item;
    Instant at;  // since when it could be told
  };
  explicit WebhookGrace(GraceLimits limits) : limits_(limits) {}

  // Both append to `out` what can be told now, in the order of `at`. A second absence of who is
  // waited for already is no news and not kept.
  void take(WebhookItemPtr item, Instant now, std::vector<Settled>& out);
  void settle(Instant now, std::vector<Settled>& out);
  std::optional<Instant> next() const;  // when settle() has something; none: nothing waits
  std::size_t held() const { return held_; }

 private:
  using Number = std::uint64_t;  // in the order of happening
  struct Held {
    WebhookItemPtr item;
    bool is_decided;  // it waits only for what is before it
  };
  struct Line {  // what waits of one channel; the first is never decided
    std::string channel;
    std::map<Number, Held> held;
    // Absences that a return would take away: members by user.
    std::map<std::pair<WebhookEvent::Kind, std::string>, Number> absences;
  };
  struct Decision {
    Instant at;
    Line* line;
  };
  bool takes_away(Line& line, const WebhookItem& item, Instant now, std::vector<Settled>& out);
  void hold(Line& line, WebhookItemPtr item, Instant now);
  void decide_first(Instant at, std::vector<Settled>& out);
  void release(Line& line, Instant at, std::vector<Settled>& out);
  void forget(Line& line, std::map<Number, Held>::iterator held);

  const GraceLimits limits_;
  Number next_ = 0;
  std::size_t held_ = 0, bytes_ = 0;
  std::unordered_map<std::string, Line> lines_;
  std::map<Number, Decision> decisions_;  // their instants rise with the numbers
};

}  // namespace utakata::realtime
