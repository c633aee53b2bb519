// Commands through /bin/sh -c on this host, some at once: hundreds of instances may start together.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>

#include "fleet/command/command.h"
#include "fleet/verify/verify.h"
#include "net/loop.h"

namespace utakata {

class ProcessVerifier final : public Verifier {
 public:
  // `folder`, absolute, is where they run.
  ProcessVerifier(net::Loop& loop, std::string folder);
  ~ProcessVerifier() override;  // ends those that run; nobody hears of them any more
  // The time runs from when it is its turn.
  void verify(std::string command, Duration within,
              std::function<void(Expected<void>)> done) override;

 private:
  struct Order {
    std::string command;
    Duration within;
    std::function<void(Expected<void>)> done;
  };
  struct Run {
    std::unique_ptr<Command> command;
    std::function<void(Expected<void>)> done;
  };
  void begin();
  void ended(std::list<Run>::iterator run, Expected<std::string> said);

  net::Loop& loop_;
  const std::string folder_;
  std::deque<Order> waiting_;
  std::list<Run> running_;
};

}  // namespace utakata
