#include "cli/load_outputs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "cli/table.h"
#include "cli/target.h"
#include "load/report/compare.h"
#include "load/report/csv.h"
#include "load/report/html.h"
#include "load/report/junit.h"
#include "load/report/prometheus.h"
#include "load/report/report_json.h"

namespace utakata {
namespace {

struct Output {
  std::string file;
  std::string (*text_of)(const load::LoadReport&);
};

std::vector<Output> wanted(const LoadOutputs& outputs) {
  std::vector<Output> all = {{outputs.json, load::to_json},
                             {outputs.html, load::to_html},
                             {outputs.csv, load::to_csv},
                             {outputs.junit, load::to_junit},
                             {outputs.prometheus, load::to_prometheus}};
  std::erase_if(all, [](const Output& one) { return one.file.empty(); });
  return all;
}

std::string cannot_write(const std::string& file) {
  return fmt::format("{} cannot be written: {}.", file, std::strerror(errno));
}

Expected<load::LoadReport> read_report(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return problem(Problem::Kind::not_found,
                   fmt::format("{} cannot be read: {}.", file, std::strerror(errno)));
  std::string text;  // no more of it than a report may have: the file may be anything
  char part[65536];
  while (text.size() <= load::report_bytes_max && (stream.read(part, sizeof part), stream.gcount()))
    text.append(part, std::size_t(stream.gcount()));
  auto report = load::report_from_json(text);
  if (!report) return problem(report.error().kind, file + ": " + report.error().what);
  return report;
}

int compare_runs(const std::string& before_file, const std::string& after_file, bool wants_json) {
  const auto before = read_report(before_file);
  if (!before) return fail(before.error()), 2;
  const auto after = read_report(after_file);
  if (!after) return fail(after.error()), 2;
  const auto comparison = load::compare(*before, *after);
  put(wants_json ? load::to_json(comparison)
                 : load::to_text(comparison, style_of(stdout).has_colour));
  return 0;
}

}  // namespace

void add_load_outputs(CLI::App& command, LoadOutputs& outputs) {
  command.add_option("--json", outputs.json, "A file for the report, which `compare` reads");
  command.add_option("--html", outputs.html, "A file for the report as one page with charts");
  command.add_option("--csv", outputs.csv, "A file for a line of each second and metric");
  command.add_option("--junit", outputs.junit, "A file of thresholds and checks, for CI");
  command.add_option("--prometheus", outputs.prometheus, "A file in Prometheus' text format");
}

Expected<void> try_load_outputs(const LoadOutputs& outputs) {
  for (const auto& [file, text_of] : wanted(outputs))
    if (!std::ofstream(file, std::ios::app))
      return problem(Problem::Kind::invalid, cannot_write(file));
  return {};
}

Expected<void> write_load_outputs(const LoadOutputs& outputs, const load::LoadReport& report) {
  Expected<void> result;
  for (const auto& [file, text_of] : wanted(outputs)) {
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream << text_of(report);
    stream.close();
    if (!stream && result) result = problem(Problem::Kind::unavailable, cannot_write(file));
  }
  return result;
}

void add_load_compare(CLI::App& load, int& exit_code) {
  struct Given {
    std::string before, after;
    bool wants_json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* command = load.add_subcommand("compare", "Two runs beside one another: what changed");
  command->add_option("before", given->before, "A file of --json")->required();
  command->add_option("after", given->after, "Another one")->required();
  command->add_flag("--json", given->wants_json, "For programs");
  command->callback([given, &exit_code] {
    exit_code = compare_runs(given->before, given->after, given->wants_json);
  });
}

}  // namespace utakata
