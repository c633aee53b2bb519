#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/parameter_options.h"
#include "cli/target.h"
#include "fleet/stack/advice.h"
#include "fleet/stack/stack_file.h"
#include "net/tls.h"
#include "zones/zones.h"

namespace utakata {
namespace {

struct CheckOptions {
  std::string path;
  std::vector<std::string> parameters;
  bool wants_json = false;
};

std::string json_of(const std::vector<Mistake>& mistakes, const std::vector<std::string>& advice) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [line, column, what] : mistakes)
    list.push_back({{"line", line}, {"column", column}, {"what", what}});
  return nlohmann::ordered_json{{"mistakes", std::move(list)}, {"advice", advice}}.dump(
             2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

// What the text cannot tell: is everything there that it names?
std::vector<Mistake> missing_files(const Stack& stack) {
  std::vector<Mistake> mistakes;
  std::error_code error;
  for (const auto& cluster : stack.clusters)
    if (!cluster.app.empty() && !std::filesystem::is_directory(cluster.app, error))
      mistakes.push_back(
          {0, 0,
           fmt::format("{}: the folder {} of `app` is not there.", cluster.name, cluster.app)});
  for (const auto& file : {stack.api.certificate, stack.api.key, stack.api.ca})
    if (!file.empty() && !std::filesystem::exists(file, error))
      mistakes.push_back({0, 0, fmt::format("The file {} of `api` is not there.", file)});
  if (const auto& ca = stack.api.ca; std::filesystem::exists(ca, error))
    if (const auto trust = net::TlsDialler::open({.ca_file = ca}); !trust)
      mistakes.push_back({0, 0, fmt::format("`ca` of `api`: {}.", trust.error().what)});
  return mistakes;
}

int tell(const CheckOptions& options, const std::vector<Mistake>& mistakes,
         const std::vector<std::string>& advice = {}) {
  options.wants_json ? put(json_of(mistakes, advice))
                     : (void)fmt::print(stderr, "{}", to_text(mistakes, options.path));
  return mistakes.empty() ? 0 : 2;
}

int check_file(const CheckOptions& options) {
  const auto parameters = parameters_from(options.parameters);
  if (!parameters) return fail(parameters.error()), 2;
  std::ifstream file(options.path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf()))
    return fail({Problem::Kind::not_found, options.path + " cannot be read: name a stack file."}),
           2;
  std::error_code error;
  const auto folder =
      std::filesystem::absolute(options.path, error).parent_path().lexically_normal().string();
  const std::string content = text.str();
  const auto stack = parse_stack({.text = content,
                                  .folder = folder,
                                  .parameters = *parameters,
                                  .zone_of = load_zone,
                                  .zone_names = zone_names});
  if (!stack) return tell(options, stack.error());
  const auto missing = missing_files(*stack);
  const auto advice = advice_on(
      *stack, std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  if (!missing.empty() || options.wants_json) return tell(options, missing, advice);
  std::string names;
  for (const auto& cluster : stack->clusters) names += (names.empty() ? "" : ", ") + cluster.name;
  put(fmt::format("{}: good. Stack {}, {}: {}.\n", options.path, stack->name,
                  plural(int(stack->clusters.size()), "cluster"), names));
  for (const auto& sentence : advice) put(fmt::format("Perhaps not meant: {}\n", sentence));
  return 0;
}

}  // namespace

void add_check(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      program.add_subcommand("check", "Tells every mistake of a stack file, with its place");
  command->add_option("file", options->path, "The stack file")->required();
  command
      ->add_option("-p,--parameter", options->parameters, "name=value, for a parameter of the file")
      ->allow_extra_args(false);
  command->add_flag("--json", options->wants_json, "Prints the mistakes as JSON");
  command->callback([options, &exit_code] { exit_code = check_file(*options); });
}

}  // namespace utakata
