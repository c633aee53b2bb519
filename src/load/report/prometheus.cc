#include "load/report/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "wire/prometheus.h"

namespace utakata::load {
namespace {

using wire::PrometheusWriter;
using Label = PrometheusWriter::Label;

constexpr std::array quantiles = {std::pair{"0.5", 50.0}, std::pair{"0.9", 90.0},
                                  std::pair{"0.95", 95.0}, std::pair{"0.99", 99.0},
                                  std::pair{"0.999", 99.9}};

// `a-b c` is `a_b_c`; never empty, and never begins with a digit or `__`.
std::string name_of(std::string_view foreign) {
  std::string name;
  for (const char c : foreign) {
    const bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_good)
      name += c;
    else if (!name.ends_with('_'))
      name += '_';
  }
  while (name.starts_with('_')) name.erase(0, 1);
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(0, "x_");
  return name;
}

// Names that are nobody's else's.
class Names {
 public:
  std::string single(std::string name) {
    std::string tried = name;
    for (int i = 2; !taken_.insert(tried).second; ++i) tried = fmt::format("{}_{}", name, i);
    return tried;
  }

 private:
  std::set<std::string> taken_;
};

struct Sample {
  const Tags* tags;
  const MetricValue* value;
};

class Exposition {
 public:
  std::string of(const LoadReport& report) {
    own(report);
    std::map<std::string_view, std::vector<Sample>> metrics;
    for (const auto& [key, series] : report.metrics.series())
      metrics[series.name.metric].push_back({&series.name.tags, &series.value});
    for (const auto& [name, samples] : metrics) metric(name, samples);
    return writer_.take();
  }

 private:
  // What is not a metric of the scenario.
  void own(const LoadReport& report) {
    const auto gauge = [&](const char* name, const char* help, double value) {
      writer_.gauge(names_.single(std::string("utakata_load_") + name), help);
      writer_.sample(value);
    };
    const LoadPoint last = report.points.empty() ? LoadPoint{} : report.points.back();
    gauge("users", "Users who are busy.", double(last.users));
    gauge("sockets", "Sockets that are open.", double(last.sockets));
    gauge("elapsed_seconds", "Since the run began.", to_seconds(report.elapsed));
    gauge("is_valid", "0: the generator was the bottleneck.", report.is_valid());
    gauge("is_kept", "0: a threshold is missed.", report.is_kept());
    gauge("workers", "Processes that have users.", double(report.generator.workers));
    gauge("worker_cpu_cores_max", "Of one worker, at most.", report.generator.cpu_max);
    gauge("worker_lag_seconds_max", "Likewise, of its loop.", report.generator.lag_ms_max / 1000);
    gauge("resident_megabytes_max", "Of all workers.", report.generator.resident_mb);
  }

  void metric(std::string_view name, const std::vector<Sample>& samples) {
    const std::string base = "utakata_load_" + name_of(name);
    const std::string help = fmt::format("{} `{}`.", to_text(kind_of(*samples[0].value)), name);
    const auto all = [&](auto&& value_of) {
      for (const auto& [tags, value] : samples)
        writer_.sample_of("", labels_of(*tags), value_of(*value));
    };
    const auto counter = [&](const char* suffix, auto&& value_of) {
      writer_.counter(names_.single(base + suffix), help);
      all(value_of);
    };
    switch (kind_of(*samples[0].value)) {
      case MetricKind::counter:
        return counter("_total", [](const auto& value) { return std::get<Counter>(value).sum; });
      case MetricKind::rate:
        counter("_trues_total",
                [](const auto& value) { return double(std::get<Rate>(value).trues); });
        return counter("_values_total",
                       [](const auto& value) { return double(std::get<Rate>(value).all); });
      case MetricKind::gauge:
        writer_.gauge(names_.single(base), help);
        return all([](const auto& value) { return std::get<Gauge>(value).last; });
      case MetricKind::trend:
        writer_.summary(summary_name(base + "_seconds"), help);
        for (const auto& [tags, value] : samples) summary(*tags, std::get<Trend>(*value));
    }
  }

  // With those of its parts, which nobody else may have.
  std::string summary_name(const std::string& wanted) {
    std::string name = names_.single(wanted);
    names_.single(name + "_sum"), names_.single(name + "_count");
    return name;
  }

  void summary(const Tags& tags, const Trend& trend) {
    auto labels = labels_of(tags);
    const std::vector<Label> plain = labels;
    labels.emplace_back("quantile", "");
    for (const auto& [words, percent] : quantiles) {
      labels.back().second = words;
      const double us = trend.count() > 0 ? double(trend.percentile(percent)) : 0;
      writer_.sample_of("", labels, us / 1e6);
    }
    writer_.sample_of("_sum", plain, trend.mean() * double(trend.count()) / 1e6);
    writer_.sample_of("_count", plain, double(trend.count()));
  }

  // Views into label_names_ and the tags.
  std::vector<Label> labels_of(const Tags& tags) {
    Names taken;
    taken.single("quantile"), taken.single("le");
    label_names_.clear();
    std::vector<Label> labels;
    for (const Tag& tag : tags) {
      label_names_.push_back(taken.single(name_of(tag.name)));
      labels.emplace_back(label_names_.back(), tag.value);
    }
    return labels;
  }

  PrometheusWriter writer_;
  Names names_;
  std::deque<std::string> label_names_;  // of one sample; a deque's strings stay where they are
};

}  // namespace

std::string to_prometheus(const LoadReport& report) { return Exposition().of(report); }

}  // namespace utakata::load
