// HostBus held against what every Bus must do. What happens in a gap is not asked of it: its gap is
// the parent's end, after which the worker ends, too.
#include "realtime/bus/contract.h"

#include <gtest/gtest.h>

#include "net/run_until.h"
#include "realtime/host/host_bus.h"
#include "realtime/host/switchboard.h"

namespace utakata::realtime {
namespace {

class HostCluster final : public bus_contract::Cluster {
 public:
  std::unique_ptr<Bus> another() override {
    auto ends = make_link_ends();
    board_.connect(++workers_, std::move(ends->first));
    return std::make_unique<HostBus>(loop_, std::move(ends->second), HostBus::HostCalls{});
  }
  bool run_until(const std::function<bool()>& holds) override {
    return net::run_until(loop_, holds);
  }
  void cut() override { FAIL() << "a host's parent does not come back"; }
  void mend() override {}

 private:
  net::Loop loop_;
  std::uint64_t epochs_ = 0;
  std::size_t workers_ = 0;
  Switchboard board_{loop_, [this] { return std::to_string(++epochs_); }, {}};
};

TEST(HostBus, hears_all_in_one_order) {
  HostCluster cluster;
  bus_contract::hears_all_in_one_order(cluster);
}

TEST(HostBus, says_what_was_said) {
  HostCluster cluster;
  bus_contract::says_what_was_said(cluster);
}

TEST(HostBus, kept_words_have_a_place) {
  HostCluster cluster;
  bus_contract::kept_words_have_a_place(cluster);
}

TEST(HostBus, who_joins_later_hears_what_is_kept_and_then_live) {
  HostCluster cluster;
  bus_contract::who_joins_later_hears_what_is_kept_and_then_live(cluster);
}

TEST(HostBus, what_is_too_old_is_forgotten_with_its_epoch) {
  HostCluster cluster;
  bus_contract::what_is_too_old_is_forgotten_with_its_epoch(cluster);
}

TEST(HostBus, may_end_at_any_time) {
  HostCluster cluster;
  bus_contract::may_end_at_any_time(cluster);
}

}  // namespace
}  // namespace utakata::realtime
