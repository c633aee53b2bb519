// Files that a run's report is written to: whole or not at all.
#pragma once

#include <string>
#include <vector>

#include "base/problem.h"
#include "load/report/load_report.h"

namespace utakata {

struct LoadOutputs {
  std::string json, csv, junit, html, prometheus;  // files; "": none
  std::string folder;  // all but the last, under their usual names; "": none
};

// Can all be written? Before the run, which may take hours. Makes the folder.
Expected<void> check_outputs(const LoadOutputs& outputs);
// Each that can be; the sentences of those that cannot.
std::vector<std::string> write_outputs(const LoadOutputs& outputs, const load::LoadReport& report);

// By another name that takes the place of the old file once all is in it. What is no file, such as
// /dev/stdout, is written to as it is.
Expected<void> replace_file(const std::string& path, const std::string& text);

}  // namespace utakata
