#include "cli/load_compare.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "cli/table.h"
#include "cli/target.h"
#include "load/report/compare.h"
#include "load/report/report_json.h"

namespace utakata {
namespace {

struct CompareArguments {
  std::string before, after;
  bool wants_json = false;
};

Expected<load::LoadReport> report_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return problem(Problem::Kind::not_found,
                   fmt::format("{} cannot be read: {}.", path, std::strerror(errno)));
  std::string text;  // no more of it than a report may have: the file may be anything
  char part[65536];
  while (text.size() <= load::report_bytes_max && (file.read(part, sizeof part), file.gcount()))
    text.append(part, std::size_t(file.gcount()));
  auto report = load::report_from_json(text);
  if (!report) return problem(report.error().kind, path + ": " + report.error().what);
  return report;
}

int compare_reports(const CompareArguments& given) {
  const auto before = report_in(given.before);
  if (!before) return fail(before.error()), 2;
  const auto after = report_in(given.after);
  if (!after) return fail(after.error()), 2;
  const load::RunComparison comparison = load::compare(*before, *after);
  put(given.wants_json ? load::to_json(comparison)
                       : load::to_text(comparison, style_of(stdout).has_colour));
  return 0;
}

}  // namespace

void add_load_compare(CLI::App& load, int& exit_code) {
  auto given = std::make_shared<CompareArguments>();
  CLI::App* const command = load.add_subcommand("compare", "Two runs beside one another");
  command->add_option("before", given->before, "A report (--json FILE)")->required();
  command->add_option("after", given->after, "Another, of the later run")->required();
  command->add_flag("--json", given->wants_json, "As JSON");
  command->callback([given, &exit_code] { exit_code = compare_reports(*given); });
}

}  // namespace utakata
