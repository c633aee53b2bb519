#include "load/plan/plan_peak.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace utakata::load {
namespace {

// A stage where it lies in the run: a straight line of users, or of arrivals a second.
struct Stretch {
  Duration begin{}, end{};  // begin < end
  double from = 0, to = 0;

  double at(Duration t) const {
    return from + (to - from) * (to_seconds(t - begin) / to_seconds(end - begin));
  }
  double rise() const { return std::max(0.0, to - from) / to_seconds(end - begin); }
};
struct FlowLine {
  bool is_open = false;
  std::vector<Stretch> stretches{};
};

FlowLine line_of(const LoadFlow& flow) {
  FlowLine line{.is_open = std::holds_alternative<OpenModel>(flow.model)};
  Duration begin = flow.start_after;
  const auto add = [&](const auto& model) {
    for (const auto& stage : model.stages) {
      const Duration end = begin + std::min(stage.duration, Duration::max() - begin);
      if (end > begin) line.stretches.push_back({begin, end, double(stage.from), double(stage.to)});
      begin = end;
    }
  };
  std::visit(add, flow.model);
  return line;
}

// What it is as `t` is reached, and from `t` on: a flow that is not there has none.
struct Level {
  double before = 0, after = 0;
  double rise_before = 0, rise_after = 0;  // a second
};
Level level_at(const FlowLine& line, Duration t) {
  Level level;
  for (const Stretch& stretch : line.stretches) {
    if (stretch.begin < t && t <= stretch.end) {
      level.before = stretch.at(t);
      level.rise_before = stretch.rise();
    }
    if (stretch.begin <= t && t < stretch.end) {
      level.after = stretch.at(t);
      level.rise_after = stretch.rise();
    }
  }
  return level;
}

// Sums of straight lines are highest where one of them begins or ends.
void add_moment(const std::vector<FlowLine>& lines, Duration t, LoadPeak& peak) {
  Level users, arrivals;
  double together = 0;
  for (const FlowLine& line : lines) {
    const Level level = level_at(line, t);
    Level& sum = line.is_open ? arrivals : users;
    sum.before += line.is_open ? level.before : std::ceil(level.before);
    sum.after += line.is_open ? level.after : std::ceil(level.after);
    if (line.is_open) continue;
    sum.rise_before += level.rise_before;
    sum.rise_after += level.rise_after;
    together += std::ceil(std::max(0.0, level.after - level.before));
  }
  peak.users = std::max(peak.users, std::int64_t(std::max(users.before, users.after)));
  peak.arrivals_per_second = std::max({peak.arrivals_per_second, arrivals.before, arrivals.after});
  peak.begins_per_second = std::max({peak.begins_per_second, users.rise_before + arrivals.before,
                                     users.rise_after + arrivals.after});
  peak.begins_together = std::max(peak.begins_together, std::int64_t(together));
}

}  // namespace

LoadPeak peak(const LoadPlan& plan) {
  LoadPeak peak;
  std::vector<FlowLine> lines;
  for (const LoadFlow& flow : plan.flows) {
    lines.push_back(line_of(flow));
    if (const auto* open = std::get_if<OpenModel>(&flow.model))
      peak.arrivals += Arrivals(open->stages).total();
  }
  for (const FlowLine& line : lines)
    for (const Stretch& stretch : line.stretches) {
      add_moment(lines, stretch.begin, peak);
      add_moment(lines, stretch.end, peak);
    }
  return peak;
}

}  // namespace utakata::load
