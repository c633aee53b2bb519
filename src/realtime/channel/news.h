// What happens in a dialect that concerns more than its own clients: the other dialect's, other
// processes, and the tenant's server (webhooks). Values.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "realtime/channel/channels.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

struct News {
  std::string name;  // channel_occupied, channel_vacated, member_added, member_removed ...
  std::string channel;
  Member member{};                           // of member_*; of client_event: its user, if known
  std::string event{}, data{}, socket_id{};  // of client_event; data: a JSON value
  // Of subscription_count: as the tenant's server is told. A dialect only says that it changed, and
  // is told by hears_count() when its clients are to hear of it.
  std::size_t readers = 0;
};

// Who does not hear what it said: by its slot where it is here. Neither: everybody hears it.
struct Sender {
  std::optional<ClientSlot> client{};
  std::string_view
      id{};  // sid, or socket_id; of a client of Pusher that is here it may be left out
};

struct DialectHooks {
  // To be told to all readers of the channel, in whatever dialect, here and elsewhere: hears() of
  // the caller is one of those who will be called. It may be called at once.
  // False: it could not be taken, too much waits.
  std::function<bool(std::string_view channel, Message&& message, const Sender& sender)> publish;
  std::function<void(const News&)> news = [](const News&) {};
  std::function<bool()> wants_client_events = [] { return true; };  // as news
  std::function<void(const std::string& user)> terminate = [](const std::string&) {};
};

}  // namespace utakata::realtime
