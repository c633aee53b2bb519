// Users who have signed in on a SocketIoApp: a connection is one user's at most, in the namespace
// where it signed in.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "realtime/socketio/app.h"

namespace utakata::realtime {

SocketIoApp::Done SocketIoApp::sign_in(ClientSlot client, RecoverySeat& seat,
                                       const SocketIoSays& says) {
  if (!is_user_auth(says.auth, tenant_.key, seat.sid, says.user_data))
    return problem(Problem::Kind::refused, "invalid signature");
  auto user = members_.read_user(says.user_data);
  if (!user) return std::unexpected(std::move(user.error()));
  if (user->size() > tenant_.user_id_bytes)
    return problem(Problem::Kind::refused,
                   fmt::format("an id may have {} bytes", tenant_.user_id_bytes));
  become(client, *user);
  seat.user = *user;
  return std::vector<Member>();
}

void SocketIoApp::become(ClientSlot client, const std::string& user) {
  for (RecoverySeat& each : clients_[client].seats) each.user.clear();
  channels_.sign_in(client, user);
}

void SocketIoApp::hears_as_user(const std::string& user, const Message& message,
                                std::optional<ClientSlot> but) {
  const Readers clients = channels_.clients_of(user, Dialect::socketio);
  if (!clients || is_reserved_event(message.event)) return;
  std::map<std::string, std::vector<ClientSlot>> by_space;
  for (const ClientSlot client : *clients)
    for (const RecoverySeat& seat : clients_[client].seats)
      if (seat.user == user) by_space[seat.space].push_back(client);
  const Message said = unpack(message);
  for (auto& [space, those] : by_space)
    out_.say_all(std::string(user_channel_prefix) + user,
                 std::make_shared<const std::vector<ClientSlot>>(std::move(those)),
                 socketio_user_event(space, said), {}, but, false);
}

void SocketIoApp::cut_user(const std::string& user, Instant now) {
  recovery_.forget(user);
  const Readers clients = channels_.clients_of(user, Dialect::socketio);  // as they are now
  if (!clients) return;
  for (const ClientSlot client : *clients) dismiss(client, "/", true, now);
}

}  // namespace utakata::realtime
