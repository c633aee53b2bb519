// Owners by etcd's leases. Under /utakata/STACK/:
//
//   controllers/NAME   {"url", "life"}            with the controller's lease
//   owners/CLUSTER     {"controller", "url", "life"}   with its owner's lease; its create_revision
//                                                 is the fence
//   tenures/CLUSTER    {"controller", "life", "tenure", "inherited"}   who had it last
//
// A controller has one lease. It asks for more time three times within the lease's, and acts no
// longer than that counted from before it last asked with success; etcd ends the lease later than
// that. So a controller that was frozen, or cut off, has stopped acting before another begins.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/problem.h"
#include "fleet/owner/owners.h"
#include "net/etcd/etcd_client.h"
#include "net/loop.h"

namespace utakata {

struct EtcdOwnersOptions {
  std::string stack;
  std::string name;               // of this controller
  Duration ttl{3s};               // whole seconds
  Duration give_back_after{30s};  // for which the preferred owner must have been back
  std::map<std::string, std::string> prefers{};  // a cluster's preferred owner
  // Told on the loop's thread: what an operator should know.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

// Made, begun and ended on the loop's thread; its Owners part may be asked on any. Other clients of
// the same etcd may be as slow as they like: the loop must not be.
class EtcdOwners final : public Owners {
 public:
  EtcdOwners(net::Loop& loop, const Clock& clock, net::EtcdOptions etcd, EtcdOwnersOptions options);
  ~EtcdOwners() override;  // the lease stays, and ends by itself

  // `url`: of our API. `changed` is called on the loop's thread whenever of(), fence() or others()
  // may say something else.
  void begin(const std::string& url, std::function<void()> changed);
  // Gives everything up at once, so that others need not wait; then `done`, after a second at most.
  void leave(std::function<void()> done);

  void want(std::vector<std::string> clusters) override;
  std::vector<std::string> wanted() const override;
  Ownership of(std::string_view cluster) const override;
  std::optional<std::int64_t> fence(std::string_view cluster) const override;
  std::vector<Controller> others() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `conflict`: a controller of that name runs the stack already. Of one that was killed here the
// place is taken at once, of one on another machine when its lease has ended. Blocks for that long.
Expected<void> name_is_free(const net::EtcdOptions& etcd, const EtcdOwnersOptions& options);

}  // namespace utakata
