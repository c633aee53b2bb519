// The Prometheus text format, version 0.0.4: reading single metrics out of it, and writing it.
// Pure. https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/problem.h"

namespace utakata::wire {

// `name` or `name{label="x",...}`: a metric, or those of its samples that have all the labels
// named.
struct PrometheusSelector {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;
};
// `invalid`: not a name, or a list of labels that does not end.
Expected<PrometheusSelector> prometheus_selector(std::string_view text);

struct PrometheusSum {
  double value = 0;  // over all samples that match; NaN and infinities are what they are
  int samples = 0;   // 0: the metric was not told
};
// One sum for each selector, in their order. Lines of metrics that nobody asked for are looked at
// only as far as their name, so a page of HTML is refused by its first line and a megabyte of other
// metrics is cheap. HELP, TYPE, comments, timestamps, empty lines and CRLF are accepted. `invalid`
// names the line and what stands there.
Expected<std::vector<PrometheusSum>> prometheus_sums(std::string_view text,
                                                     std::span<const PrometheusSelector> selectors);

// Families in the order of the calls; a name is the caller's to keep valid and single.
class PrometheusWriter {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;
  // Begins a family; samples of it follow.
  void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
  void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }
  void summary(std::string_view name, std::string_view help) { family(name, "summary", help); }
  void sample(Labels labels, double value);
  void sample(Labels labels, std::int64_t value);
  void sample(double value) { sample({}, value); }
  void sample(std::int64_t value) { sample({}, value); }
  // `part`: of a summary "", "_sum" or "_count".
  void sample_of(std::string_view part, std::span<const Label> labels, double value);

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help);
  void head(std::string_view part, std::span<const Label> labels);
  std::string name_, text_;
};

}  // namespace utakata::wire
