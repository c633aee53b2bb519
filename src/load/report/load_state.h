// How a run stands at a moment: what a report does not say, since it is over when that is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/instant.h"

namespace utakata::load {

enum class LoadPhase : std::uint8_t { loading, setting_up, running, stopping, tearing_down, ended };
std::string_view to_text(LoadPhase phase);  // "setting up"

struct LoadState {
  LoadPhase phase = LoadPhase::loading;
  Duration plan_time{};  // since the start, pauses left out; not above what is planned
  bool is_paused = false;
  double factor = 1;                    // times as many as planned
  std::optional<std::int64_t> users{};  // there are to be so many now; none: of no closed model
  std::optional<double> arrivals{};     // likewise, to begin a second; none: of no open model
  std::uint64_t unshown = 0;            // lines that the scenario printed and that were too many
};

}  // namespace utakata::load
