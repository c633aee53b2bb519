#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/lenient_json.h"
#include "cli/request.h"
#include "cli/table.h"
#include "cli/target.h"

namespace utakata {
namespace {

struct PlaceOptions {
  Target target;
  std::string cluster, key, hold;
  int seats = 1;
};

std::string sentence_of(const std::string& answer) {
  const auto json = json_from(answer);
  std::string out = printable(text_in(json, "url")) + "\n" + printable(text_in(json, "instance"));
  if (const auto id = text_in(json, "id"); !id.empty()) out += ", placement " + printable(id);
  if (const auto expires = text_in(json, "expires"); !expires.empty())
    out += ", held until " + printable(expires);
  return out + "\n";
}

Expected<int> place(const PlaceOptions& options, const Running& running) {
  nlohmann::json body = {{"seats", options.seats}};
  if (!options.key.empty()) body["key"] = options.key;
  if (!options.hold.empty()) body["hold"] = options.hold;
  const auto answer =
      request(running, "POST",
              path_in(running, "/clusters/" + percent_encoded(options.cluster) + "/placements"),
              body.dump());
  if (!answer) return std::unexpected(answer.error());
  put(options.target.wants_json ? *answer + "\n" : sentence_of(*answer));
  return 0;
}

}  // namespace

void add_place(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<PlaceOptions>();
  CLI::App* command =
      program.add_subcommand("place", "Asks for a place on an instance, as a client would");
  command->add_option("cluster", options->cluster, "The cluster's name")->required();
  command->add_option("--seats", options->seats, "How many seats; 1 by default")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--key", options->key, "A room: all its seats are on one instance");
  command->add_option("--hold", options->hold, "How long the seats are held, such as 30s");
  add_target(*command, options->target);
  command->callback([options, &exit_code] {
    if (!options->hold.empty() && !duration_from(options->hold)) {
      fmt::print(stderr, "utakata: --hold must be a time such as 30s, not {}.\n", options->hold);
      exit_code = 2;
      return;
    }
    exit_code = with_controller(options->target,
                                [&](const Running& running) { return place(*options, running); });
  });
}

}  // namespace utakata
