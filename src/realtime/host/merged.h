// What several workers say of themselves, as if one server said it. Pure.
#pragma once

#include <span>
#include <string>

namespace utakata::realtime {

// JSON objects: numbers are added, a flag is set where it is set at one. What is no object is left
// out.
std::string merged_stats(std::span<const std::string> texts);
// Of one that is gone: what it counted stays, who was there and what it was doing does not.
std::string former_stats(const std::string& text);
// The Prometheus text format: samples of one name and labels are added; of realtime_draining and
// realtime_peers the largest is taken. In the order of the first text.
std::string merged_metrics(std::span<const std::string> texts);

}  // namespace utakata::realtime
