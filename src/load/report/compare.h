// Two runs beside one another: what changed, and whether for the better, where it can be told.
// Pure.
//
// What is noise: of times and rates a second a difference of up to 2 %, or up to 4 standard errors
// by the runs' own timelines (each cut into eight stretches that are compared in pairs, so that
// what the plan does, such as a ramp, is none); of percentiles also 3 standard errors of so many
// values; of shares up to 0.1 points, or 3 standard errors; of errors 3 standard errors. That is
// `same`. A percentile above which fewer than 10 values lie in either run tells nothing
// (`too_few`), and what is neither good nor bad by itself, such as more requests, has `changed`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/report/load_report.h"

namespace utakata::load {

enum class Judgement : std::uint8_t { better, worse, same, changed, too_few };
std::string_view to_text(Judgement judgement);

struct ComparedFigure {
  enum class Unit : std::uint8_t { microseconds, share, per_second, bytes_per_second, number };
  std::string group;   // as in metric_rows.h, or "Checks" or "Errors"
  std::string metric;  // or a check's name, or an error's words
  std::string figure;  // "p(95)", "share", "a second", "last"
  Unit unit = Unit::number;
  std::optional<double> before, after;  // none: that run does not have it
  Judgement judgement = Judgement::same;
  std::optional<double> change() const;  // 0.5: half as much again; none: of nothing
  bool operator==(const ComparedFigure&) const = default;
};

struct RunComparison {
  std::vector<std::string> warnings;  // sentences: why they may not be compared
  std::vector<ComparedFigure> figures;
  std::size_t count(Judgement judgement) const;
};

// O(points x metrics), some milliseconds.
RunComparison compare(const LoadReport& before, const LoadReport& after);
std::string to_text(const RunComparison& comparison, bool has_colour = false);  // 100 columns
std::string to_json(const RunComparison& comparison);

}  // namespace utakata::load
