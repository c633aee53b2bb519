// The files that a run of `utakata load` leaves behind, and two of them beside one another.
#pragma once

#include <string>

#include "base/problem.h"
#include "load/report/load_report.h"

namespace CLI {
class App;
}

namespace utakata {

struct LoadOutputs {  // names of files; "": not wanted
  std::string json, html, csv, junit, prometheus;
};
void add_load_outputs(CLI::App& command, LoadOutputs& outputs);

// Can they be written? Asked before a run that takes an hour; an empty file is left where there was
// none. `invalid` names the one that cannot.
Expected<void> try_load_outputs(const LoadOutputs& outputs);
// All that can be; `unavailable` names the first that could not.
Expected<void> write_load_outputs(const LoadOutputs& outputs, const load::LoadReport& report);

// `load compare BEFORE AFTER`, of files of --json. When it was given, `exit_code` is set.
void add_load_compare(CLI::App& load, int& exit_code);

}  // namespace utakata
