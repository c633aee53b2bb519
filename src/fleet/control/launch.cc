#include "fleet/control/launch.h"

#include <fmt/format.h>

#include "fleet/model/template.h"

namespace utakata {
namespace {

Lookup lookup_for(const LaunchWords& words) {
  return [&words](std::string_view name) -> std::optional<std::string> {
    if (name == "instance") return words.instance;
    if (name == "stack") return words.stack;
    constexpr std::string_view clusters = "clusters.";
    if (!name.starts_with(clusters)) return std::nullopt;
    const std::string_view rest = name.substr(clusters.size());
    const auto dot = rest.rfind('.');
    if (dot == rest.npos) return std::nullopt;
    return words.cluster(rest.substr(0, dot), rest.substr(dot + 1));
  };
}

// After this only the provider's own words may be left.
Expected<std::string> fill_in(const Template& text, const Lookup& lookup,
                              const std::string& where) {
  std::string filled = expand_known(text.text, lookup);
  for (const Reference& reference : references(filled))
    if (reference.name != "port" && reference.name != "host")
      return problem(Problem::Kind::unavailable,
                     where + ": ${" + std::string(reference.name) +
                         "} has no value yet, because nothing of it serves",
                     true);
  return filled;
}

}  // namespace

Expected<LaunchSpec> launch_spec(const Stack& stack, const ClusterSpec& spec,
                                 const LaunchWords& words) {
  const Lookup lookup = lookup_for(words);
  LaunchSpec launch{.cluster = spec.name,
                    .version = spec.version,
                    .run = {},
                    .install = spec.install,
                    .folder = spec.app.empty() ? stack.folder : spec.app,
                    .env = {},
                    .limits = spec.limits,
                    .image = spec.image,
                    .labels = spec.labels,
                    .secrets = spec.secrets,
                    .configs = spec.configs,
                    .grace = spec.drain.grace,
                    .host = words.host,
                    .zone = words.zone};
  auto run = fill_in(spec.run, lookup, "clusters." + spec.name + ".run");
  if (!run) return std::unexpected(run.error());
  launch.run = std::move(*run);
  launch.env = {{"UTAKATA_URL", words.api_url},
                {"UTAKATA_TOKEN", words.token},
                {"UTAKATA_STACK", words.stack},
                {"UTAKATA_CLUSTER", spec.name}};
  if (spec.lease)
    launch.env.emplace_back("UTAKATA_LEASE", fmt::to_string(to_ms(*spec.lease) / 1000));
  if (!words.host.empty()) launch.env.emplace_back("UTAKATA_HOST", words.host);
  if (!words.zone.empty()) launch.env.emplace_back("UTAKATA_ZONE", words.zone);
  for (const auto& [name, value] : spec.env) {
    auto filled = fill_in(value, lookup, "clusters." + spec.name + ".env." + name);
    if (!filled) return std::unexpected(filled.error());
    launch.env.emplace_back(name, std::move(*filled));
  }
  return launch;
}

std::string verify_command(const ClusterSpec& spec, const Instance& instance) {
  const auto& text = spec.verify.command.text;
  const auto word = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "host") return instance.address.host;
    if (name == "port") return std::to_string(instance.address.port);
    if (name == "instance") return instance.id.text;
    if (name == "url") return instance.url;
    return std::nullopt;
  };
  return expand(text, word).value_or(text);
}

std::string client_url(const ClusterSpec& spec, const Instance& instance) {
  return expand_known(spec.url.text, [&](std::string_view name) -> std::optional<std::string> {
    if (name == "host") return instance.address.host;
    if (name == "port") return std::to_string(instance.address.port);
    if (name == "instance") return instance.id.text;
    return std::nullopt;
  });
}

}  // namespace utakata
