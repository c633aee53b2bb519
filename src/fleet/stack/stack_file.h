// The stack file: YAML text into a Stack, or all of its mistakes at once. Pure: reads no file and
// no environment.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/calendar.h"
#include "fleet/model/stack.h"
#include "yaml/mistake.h"

namespace utakata {

struct ParseInput {
  std::string_view text;
  std::string folder;                             // absolute; what relative paths in the file mean
  std::map<std::string, std::string> parameters;  // of `-p name=value`
  ZoneTable zone_of = {};                         // of `zone:`; none: there is only UTC
  ZoneNames zone_names = {};                      // for guesses; asked only after a mistake
};

// What comes back is complete: parameters filled in, defaults in place, paths absolute, clusters in
// an order that respects `needs`, versions computed. Mistakes are sorted by place; those of `-p`
// have line 0 and come first. Hostile text costs bounded memory and time (yaml.h); at most 200
// mistakes are told.
std::expected<Stack, std::vector<Mistake>> parse_stack(const ParseInput& input);

// "12:3: `runn` is not a key here, did you mean `run`?" under a file's name, one a line; for
// people.
std::string to_text(const std::vector<Mistake>& mistakes, std::string_view file);

// Fills in what the file leaves out and depends on the rest: store, advertise, url, a default rule,
// versions.
void complete_stack(Stack& stack);

}  // namespace utakata
