#include "fleet/verify/process/process_verifier.h"

#include <utility>

namespace utakata {
namespace {

// Each is a few processes, and mostly waits for an answer.
constexpr std::size_t at_once_most = 16;

}  // namespace

ProcessVerifier::ProcessVerifier(net::Loop& loop, std::string folder)
    : loop_(loop), folder_(std::move(folder)) {}

ProcessVerifier::~ProcessVerifier() = default;

void ProcessVerifier::verify(std::string command, Duration within,
                             std::function<void(Expected<void>)> done) {
  waiting_.push_back({std::move(command), within, std::move(done)});
  begin();
}

void ProcessVerifier::begin() {
  while (!waiting_.empty() && running_.size() < at_once_most) {
    Order order = std::move(waiting_.front());
    waiting_.pop_front();
    const auto run = running_.insert(running_.end(), Run{{}, std::move(order.done)});
    run->command = std::make_unique<Command>(
        loop_, CommandOrder{.line = order.command, .folder = folder_, .deadline = order.within},
        [this, run](Expected<std::string> said) { ended(run, std::move(said)); });
  }
}

void ProcessVerifier::ended(std::list<Run>::iterator run, Expected<std::string> said) {
  const auto done = std::move(run->done);
  running_.erase(run);
  begin();
  if (said)
    done({});
  else
    done(std::unexpected(std::move(said.error())));
}

}  // namespace utakata
