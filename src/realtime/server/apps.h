// The tenants of this process: their apps, and what their own servers are told. Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/curl/http_client.h"
#include "net/loop.h"
#include "realtime/app/app.h"
#include "realtime/redis/node_peers.h"
#include "realtime/server/webhook_sender.h"
#include "realtime/tenants/tenant.h"

namespace utakata::realtime {

class Apps {
 public:
  struct Outs {  // they outlive the apps
    PusherOut& pusher;
    std::function<std::unique_ptr<SocketIoOut>(const std::string& id)> socketio;
    std::function<void(const std::string& id, App& app)> made;  // one that is new here
    // Others of our processes hear one another anyway: not once more over Node's Redis.
    bool has_bus = false;
    std::function<bool()> is_full = [] { return false; };  // as AppOuts
  };
  Apps(net::Loop& loop, SocketIoSpec socketio, Outs outs);
  ~Apps();

  // Other tenants, or the same with other limits. Who is here stays, unless its tenant is disabled
  // or gone.
  void respec(std::vector<Tenant> tenants);
  App* by_id(std::string_view id) const;  // none: there is no such tenant
  App* by_key(std::string_view key) const;
  App* only() const;  // the one tenant there is; none: there are several, or none at all
  void each(const std::function<void(const std::string& id, App& app)>& take) const;
  void expire();  // about once a second
  // Before this process ends, when nobody is here any more: who may come again is another's. `done`
  // is called once, within a second; at once where there is nothing to leave.
  void leave_seats(std::function<void()> done);

  struct Webhooks {
    std::string id;  // of the tenant
    std::size_t sent = 0, dropped = 0;
  };
  std::vector<Webhooks> webhooks() const;
  // Of the tenants that have joined servers of Node: is it joined, how much was dropped.
  void each_node(const std::function<void(const std::string& id, const NodePeers&)>& take) const;

 private:
  struct Entry;
  void occurred(const std::string& id, const News& news);

  net::Loop& loop_;
  const SocketIoSpec socketio_;
  const Outs outs_;
  net::HttpClient client_{loop_};
  std::map<std::string, std::unique_ptr<WebhookSender>> senders_;       // by the tenant's id
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;  // by id
  std::map<std::string, App*, std::less<>> by_key_;
  std::vector<std::unique_ptr<Entry>> leaving_;  // of no tenant any more, until all have gone
  net::Loop::TimerId leaving_seats_ = 0;
};

}  // namespace utakata::realtime
