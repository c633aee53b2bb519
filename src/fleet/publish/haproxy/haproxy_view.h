// Keeps backends of an HAProxy in step with placement's view. Each second it looks at what stands
// there and changes only what differs, so that a restart of either heals by itself. HAProxy may be
// away, frozen or another program: nothing waits for it, one request at most is under way, and only
// the newest view waits. What is wrong is said once, and once that it is over. Loop thread only.
//
// A server's name is utakata:STACK:MARK:INSTANCE. Others in the same backend are left alone; where
// several controllers run the stack, so are backends of clusters that are not ours now.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/published.h"
#include "fleet/model/stack.h"
#include "net/loop.h"

namespace utakata {

struct HaproxyViewSettings {
  HaproxySpec haproxy{};
  std::string stack{};
  std::string mark{};  // of the store: another stack's servers are not ours
  Duration answer_within{3s};
  Duration retry_first{100ms}, retry_most{2s};  // doubled from the one to the other
};

class HaproxyView {
 public:
  // `say` hears sentences for the operator, never within publish().
  HaproxyView(net::Loop& loop, HaproxyViewSettings settings,
              std::function<void(const std::string&)> say);
  ~HaproxyView();  // what HAProxy has stays as it is
  HaproxyView(const HaproxyView&) = delete;
  HaproxyView& operator=(const HaproxyView&) = delete;

  // To be called each second, also when nothing has changed: each call is one look.
  void publish(std::vector<PublishedCluster> clusters);
  // The fleet is no more: its servers are removed, and publish() does nothing. `left` is called
  // once, not within this: when none stands there, nothing can be told, or `within` has passed.
  void leave(Duration within, std::function<void()> left);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata
