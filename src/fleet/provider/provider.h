// A provider launches and stops instances on one kind of host. It takes orders and decides nothing.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/problem.h"
#include "fleet/model/host.h"
#include "fleet/model/instance.h"
#include "fleet/model/observation.h"
#include "fleet/model/stack.h"

namespace utakata {

struct LaunchSpec {
  std::string cluster;
  std::string version;
  std::string run;      // through /bin/sh -c; `${port}` and `${host}` are still in it: only the
                        // provider knows them
  std::string install;  // run once for each version before its first instance; empty: nothing
  std::string folder;   // absolute
  std::vector<std::pair<std::string, std::string>> env;  // values may hold ${port} and ${host} too
  LimitSpec limits;
  std::string image{};  // of a container; empty: none was named
  std::vector<std::pair<std::string, std::string>> labels{};  // of a container
  // Of the Swarm's own, made visible to it as files.
  std::vector<std::string> secrets{}, configs{};
  Duration grace{10s};         // that stop() will be given, where it must be known beforehand
  std::string host{}, zone{};  // where it must run, of those in `hosts()`; empty: anywhere
};

// Of what somebody else started: which, as an operator names it.
struct ForeignQuery {
  int pid = 0;                  // of a process; 0: not one
  std::string label{};          // of containers: "app=game"
  std::uint16_t port = 0;       // that it listens on, a container inside; 0: the only one there is
  bool counts_sockets = false;  // the cluster's connections are to be counted by the kernel
};
struct Foreign {
  std::string handle;
  Address address;
};

// One loop thread calls it and no call blocks: to return means "asked", never "done".
class Provider {
 public:
  virtual ~Provider() = default;

  // Asks for one instance. Safe to repeat: the same id never runs twice. The answer is news:
  // `launched` with a handle and an address, or `launch_failed`. A launched instance waits, having
  // run nothing of the user's, until it is released; if this process dies before that, it ends by
  // itself. Fails only if it cannot even be asked: `invalid` (no such folder), `unavailable`
  // (retry).
  virtual Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) = 0;

  // This handle is the recorded one: let it run. Nothing happens where it already runs. Whatever
  // else was launched under the id ends, having run nothing; an empty handle: all of it.
  virtual void release(const InstanceId& id, const std::string& handle) = 0;

  // Takes charge again of an instance launched by an earlier life of this controller, or of what
  // find_foreign() found, under its new id. If it is not
  // there any more, the news `gone` follows. Call before anything else; an id with an empty handle
  // (crash between intent and outcome) is searched for. That of a launch of this life, too: where
  // several controllers run, its news may have come while the cluster was another's.
  virtual void adopt(const InstanceId& id, const std::string& handle, const Address& address) = 0;

  // What somebody else started and is asked for, looked at and not touched. `done` is called once,
  // at once or later, with one at least. Problems: a sentence that says why it cannot be adopted;
  // `refused` of a provider that adopts nothing.
  virtual void find_foreign(const ForeignQuery& query,
                            std::function<void(Expected<std::vector<Foreign>>)> done);

  // Asks to stop it and everything it started: SIGTERM, then after `grace` SIGKILL. Repeating it,
  // or stopping what is gone, is not a failure. Connections are cut: drain first. News `gone`
  // follows when nothing of it is left, with its handle if it has one.
  virtual Expected<void> stop(const InstanceId& id, Duration grace) = 0;

  // Where launches may go, as last heard, in a fixed order; empty: one host, which has no name.
  // Of an instance whose host is lost the news `gone` follows as of any other.
  virtual std::vector<Host> hosts() const { return {}; }

  // What was heard since the last call. Empty is normal.
  virtual std::vector<ProviderNews> hear() = 0;

  // `wake` is called on the loop thread as soon as there is news to hear; a death is told within
  // milliseconds.
  virtual void on_news(std::function<void()> wake) = 0;
};

}  // namespace utakata
