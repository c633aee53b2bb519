#include "realtime/server/drain.h"

#include <simdjson.h>

#include <algorithm>

namespace utakata::realtime {

Expected<DrainOrder> read_drain_order(std::string_view json) {
  using simdjson::dom::element;
  const auto refuse = [] {
    return problem(
        Problem::Kind::invalid,
        R"(A drain is {"state":"draining"} or {"state":"serving"}, with "close" if any.)");
  };
  simdjson::dom::parser parser;
  element root, close, most;
  std::string_view state;
  if (parser.parse(json.data(), json.size()).get(root) || root["state"].get(state) ||
      (state != "draining" && state != "serving"))
    return refuse();
  DrainOrder order{.is_draining = state == "draining"};
  if (root["close"].get(close)) return order;
  if (close["pace"].get(order.pace) || !(order.pace >= 0 && order.pace <= 1e6)) return refuse();
  std::int64_t number = 0;
  if (!close["most"].get(most) && !most.is_null()) {
    if (most.get(number) || number < 0) return refuse();
    order.most = number;
  }
  return order;
}

void Drain::take(const DrainOrder& order, Instant now) {
  order_ = order;
  since_ = now;
  asked_ = 0;
}

bool Drain::is_over() const { return order_.pace <= 0 || (order_.most && asked_ >= *order_.most); }

std::int64_t Drain::due(Instant now) {
  auto all = std::int64_t(to_seconds(now - since_) * order_.pace);
  if (order_.most) all = std::min(all, *order_.most);
  const std::int64_t due = all - asked_;
  asked_ = all;
  return due;
}

}  // namespace utakata::realtime
