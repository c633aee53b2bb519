// A host in memory, and the Provider on it: for tests of whoever gives the orders, and for
// scenarios without processes.
//
// FakeHost is what outlives a controller: destroy the FakeProvider and make another on the same
// host, and the instances are still there to be adopted (those never released are not). One thread.
// Like a real provider it never calls back from within an order: what an order brings at once is
// there to hear(), and the wake for it comes with the next turn().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fleet/provider/provider.h"

namespace utakata {

class FakeProvider;

class FakeHost {
 public:
  enum class Phase { asked, gated, running, stopping };
  struct Guest {
    Phase phase = Phase::asked;
    LaunchSpec spec;
    std::string handle;
    Address address;
    bool owned = false;  // by the present FakeProvider: it launched or adopted it
    bool ignores_stop = false;
  };

  // By itself, a launch is answered at once and a stop ends at once. Off: the test says when, by
  // the calls below.
  bool launches_by_itself = true;
  bool stops_by_itself = true;

  void start(const InstanceId& id);  // of a launch asked for: it is there, and told
  void refuse(const InstanceId& id, std::string what, bool retry = false);
  void die(const InstanceId& id, std::string what = "killed by signal 9 (SIGKILL)");

  // Machines of several zones; none: one, without a name. Launched where the spec says, or on the
  // first that is up and open.
  std::vector<Host> hosts;
  void lose(const std::string& name);  // with all that runs there
  void come_back(const std::string& name);

  void turn();  // wakes the provider's owner, if there is news that it has not heard

  const std::map<InstanceId, Guest>& guests() const { return guests_; }
  bool runs(const InstanceId& id) const;  // the user's command was let go, and has not ended
  std::map<InstanceId, int>
      starts;  // how often an instance's command was let go: never more than once

 private:
  friend class FakeProvider;
  std::map<InstanceId, Guest> guests_;
  FakeProvider* provider_ = nullptr;
  int next_pid_ = 1000;
  std::uint16_t next_port_ = 20000;
};

class FakeProvider final : public Provider {
 public:
  explicit FakeProvider(FakeHost& host);
  ~FakeProvider() override;

  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override;
  void release(const InstanceId& id, const std::string& handle) override;
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override;
  Expected<void> stop(const InstanceId& id, Duration grace) override;
  std::vector<Host> hosts() const override { return host_.hosts; }
  std::vector<ProviderNews> hear() override;
  // `wake` is called from FakeHost's start, refuse, die and turn.
  void on_news(std::function<void()> wake) override;

  // The n-th order that can fail (launch, stop; 1 is the next) answers `unavailable`, retry, and
  // does nothing. 0: none.
  void fail_at(int n) { fail_at_ = n; }
  bool has_failed() const {
    return failed_;
  }  // the standard fault test raises n until a run leaves this false
  const std::vector<std::string>& calls() const {
    return calls_;
  }  // "launch game-1", "stop game-1 10s", ...

 private:
  friend class FakeHost;
  void enter(const InstanceId& id, FakeHost::Guest& guest);
  void end(const InstanceId& id, std::string what);
  Expected<void> count_and_fail(const std::string& call);
  void tell(ProviderNews news);

  FakeHost& host_;
  std::vector<ProviderNews> news_;
  std::function<void()> wake_;
  std::vector<std::string> calls_;
  int fail_at_ = 0;
  bool failed_ = false;
};

}  // namespace utakata
