#include "fleet/provider/swarm/swarm_order.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string_view>

#include "fleet/model/template.h"
#include "fleet/provider/swarm/swarm_words.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

std::unexpected<Problem> wrong(const LaunchSpec& spec, const std::string& what) {
  return problem(Problem::Kind::invalid, fmt::format("swarm: cluster {}: {}", spec.cluster, what));
}

// Where Docker's own command puts them: /run/secrets/NAME and /NAME.
Expected<Json> mounted(const LaunchSpec& spec, const std::vector<std::string>& names,
                       const Json& listed, const std::string& kind) {
  Json all = Json::array();
  for (const auto& name : names) {
    std::string id;
    for (const auto& one : listed)
      if (swarm_text(one, "/Spec/Name") == name) id = swarm_text(one, "/ID");
    if (id.empty()) {
      std::string word = kind;
      word[0] = char(std::tolower(static_cast<unsigned char>(word[0])));
      return wrong(spec, fmt::format("the Swarm has no {} {}: `docker {} create {} FILE` makes it",
                                     word, name, word, name));
    }
    all.push_back({{kind + "ID", id},
                   {kind + "Name", name},
                   {"File",
                    {{"Name", kind == "Secret" ? name : "/" + name},
                     {"UID", "0"},
                     {"GID", "0"},
                     {"Mode", 0444}}}});
  }
  return all;
}

// A limit is not set aside for it: how many fit on a host is not the Swarm's to say.
Json limits_of(const LimitSpec& limits) {
  Json all = Json::object();
  if (limits.memory) all["MemoryBytes"] = *limits.memory;
  // The Engine counts in billionths of a core.
  if (limits.cpus) all["NanoCPUs"] = std::llround(*limits.cpus * 1e9);
  return all;
}

Expected<Json> container_of(const SwarmOrder& order, const LaunchSpec& spec, const Json& labels) {
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "port") return std::to_string(order.address.port);
    if (name == "host") return order.address.host;
    return std::nullopt;
  };
  Json env = {"UTAKATA_FLEET=" + order.fleet_id, "UTAKATA_INSTANCE=" + order.instance,
              fmt::format("PORT={}", order.address.port),
              "HOST=0.0.0.0"};  // clients and the controller are on other hosts
  for (const auto& [name, value] : spec.env) {
    const auto text = expand(value, lookup);
    if (!text) return wrong(spec, fmt::format("`env` {}: {}", name, text.error().what));
    env.push_back(name + "=" + *text);
  }
  auto secrets = mounted(spec, spec.secrets, order.secrets, "Secret");
  if (!secrets) return secrets;
  auto configs = mounted(spec, spec.configs, order.configs, "Config");
  if (!configs) return configs;
  // An init of the Engine's is process 1: it passes SIGTERM on, which a program that is process 1
  // itself would not hear without a handler.
  const auto grace = std::chrono::duration_cast<std::chrono::nanoseconds>(spec.grace).count();
  Json container = {
      {"Image", spec.image}, {"Env", std::move(env)}, {"Labels", labels},        {"Init", true},
      {"Secrets", *secrets}, {"Configs", *configs},   {"StopGracePeriod", grace}};
  if (spec.limits.files)
    container["Ulimits"] = {
        {{"Name", "nofile"}, {"Soft", *spec.limits.files}, {"Hard", *spec.limits.files}}};
  if (spec.run.empty()) return container;  // the image's own command
  const auto run = expand(spec.run, lookup);
  if (!run) return wrong(spec, "`run`: " + run.error().what);
  container["Command"] = {"/bin/sh", "-c"};
  container["Args"] = {*run};
  return container;
}

}  // namespace

Expected<Json> service_order(const SwarmOrder& order, const LaunchSpec& spec) {
  const auto port = order.address.port;
  Json labels = {{"utakata.fleet", order.fleet_id},       {"utakata.stack", order.stack},
                 {"utakata.cluster", spec.cluster},       {"utakata.instance", order.instance},
                 {"utakata.version", spec.version},       {"utakata.port", fmt::to_string(port)},
                 {"utakata.address", order.address.host}, {"utakata.node", order.node}};
  for (const auto& [name, value] : spec.labels) labels.emplace(name, value);
  const auto container = container_of(order, spec, labels);
  if (!container) return container;
  // Nothing restarts but by our loop. The port is told even where the host's network is used: so
  // the Swarm gives it to nobody else there.
  Json task = {
      {"ContainerSpec", *container},
      {"RestartPolicy", {{"Condition", "none"}}},
      {"Placement", {{"Constraints", {"node.id==" + order.node}}}},
      {"Resources", {{"Limits", limits_of(spec.limits)}}},
      {"LogDriver",
       {{"Name", "json-file"}, {"Options", {{"max-size", "33554432"}, {"max-file", "2"}}}}}};
  if (!order.publishes) task["Networks"] = {{{"Target", "host"}}};
  const Json published = {
      {"Protocol", "tcp"}, {"TargetPort", port}, {"PublishedPort", port}, {"PublishMode", "host"}};
  // Without a virtual address, for which hosts would need IP_VS.
  return Json{{"Name", order.name},
              {"Labels", labels},
              {"TaskTemplate", task},
              {"Mode", {{"Replicated", {{"Replicas", 0}}}}},
              {"EndpointSpec", {{"Mode", "dnsrr"}, {"Ports", {published}}}}};
}

}  // namespace utakata
