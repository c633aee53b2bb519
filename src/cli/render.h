// The API's JSON as text for people. Pure. JSON of another shape gives what can be made of it,
// never a crash.
#pragma once

#include <cstdint>
#include <string>

#include "cli/table.h"

namespace utakata {

std::string render_status(const std::string& json, const Style& style);
std::string render_explain(const std::string& json, const Style& style);

struct RenderedActivities {
  std::string text;              // a line each
  std::int64_t last_number = 0;  // of the newest; 0: there was none
};
RenderedActivities render_activities(const std::string& json, const Style& style);

// "lobby: 2 draining (12 clients), 1 stopping; game: gone" for the progress of `down`.
std::string render_left(const std::string& json);

}  // namespace utakata
