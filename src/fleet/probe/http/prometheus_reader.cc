#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "fleet/probe/http/reader.h"
#include "wire/prometheus.h"

namespace utakata {
namespace {

class PrometheusReader final : public CountReader {
 public:
  explicit PrometheusReader(const ClusterSpec& spec) : has_accepted_(!spec.count.accepted.empty()) {
    add(spec.count.connections);
    if (has_accepted_) add(spec.count.accepted);
    for (std::size_t i = 1; i < spec.metrics.size(); ++i) add(spec.metrics[i]);
  }

  Expected<Reading> read(std::string& body) override {
    if (wrong_) return std::unexpected(*wrong_);
    const auto sums = wire::prometheus_sums(body, selectors_);
    if (!sums) return std::unexpected(sums.error());
    const auto connections = sums->at(0).samples ? connections_from(name(0), sums->at(0).value)
                                                 : Expected<int>(std::unexpected(missing(0)));
    if (!connections) return std::unexpected(connections.error());
    Reading reading{.connections = *connections,
                    .accepted = {},
                    .metrics = {double(*connections)},
                    .complaint = {}};
    std::size_t next = 1;
    if (has_accepted_) {
      const auto& sum = sums->at(next);
      const auto accepted = sum.samples ? accepted_from(name(next), sum.value)
                                        : Expected<std::int64_t>(std::unexpected(missing(next)));
      if (accepted)
        reading.accepted = *accepted;
      else
        reading.complaint = accepted.error().what;
      ++next;
    }
    for (; next < sums->size(); ++next) {
      const auto& sum = sums->at(next);
      const bool is_told = sum.samples && std::isfinite(sum.value);
      if (!is_told) reading.complaint = missing(next).what;
      reading.metrics.push_back(is_told ? sum.value : std::numeric_limits<double>::quiet_NaN());
    }
    return reading;
  }

 private:
  void add(const std::string& text) {
    auto selector = wire::prometheus_selector(text);
    if (!selector)
      wrong_ = selector.error();
    else
      selectors_.push_back(std::move(*selector));
    texts_.push_back(text);
  }
  std::string name(std::size_t i) const { return "metric " + texts_[i]; }
  Problem missing(std::size_t i) const {
    return {Problem::Kind::invalid, name(i) + " is missing", false};
  }

  std::vector<wire::PrometheusSelector> selectors_;
  std::vector<std::string> texts_;
  std::optional<Problem>
      wrong_;  // a metric's name that is none: said by every probe until the file is mended
  const bool has_accepted_;
};

}  // namespace

std::unique_ptr<CountReader> make_prometheus_reader(const ClusterSpec& spec) {
  return std::make_unique<PrometheusReader>(spec);
}

}  // namespace utakata
