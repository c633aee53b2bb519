// The decisions of a simulated day as marks on its time axis, grouped where they would cover one
// another. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/report_chart.h"
#include "sim/result.h"

namespace utakata {

struct Mark {
  Duration at{};     // since the beginning
  std::string kind;  // the lane in which it stands
  std::string what;  // "lobby-2: 62 connections each, target 50 [limited by max 4]"
};

// What was decided for `cluster`, and what concerns no single one: intents, and what held the
// controller back. In order.
std::vector<Mark> marks_of(const SimResult& result, const std::string& cluster);
std::vector<Mark> marks_of(std::span<const SimFault> faults);

// A lane for each kind; what falls on the same 250th of the axis is one mark ("12 x launch"). Shows
// its text on hover and focus. Linear in the marks, but the size of the page is bounded.
std::string lanes_html(std::span<const Mark> marks, const ChartAxis& axis);

// All of them as rows of a table, a few thousand at most.
std::string marks_table_html(std::span<const Mark> marks);

}  // namespace utakata
