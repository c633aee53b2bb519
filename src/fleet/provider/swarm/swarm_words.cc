#include "fleet/provider/swarm/swarm_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "fleet/provider/docker/exit_text.h"

namespace utakata {
namespace {

int number_in(const SwarmJson& json, const char* pointer) {
  const auto at = SwarmJson::json_pointer(pointer);
  return json.contains(at) && json[at].is_number_integer() ? json[at].get<int>() : 0;
}

std::uint16_t port_in(const std::string& text) {
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

}  // namespace

std::string swarm_text(const SwarmJson& json, const char* pointer) {
  const auto at = SwarmJson::json_pointer(pointer);
  return json.contains(at) && json[at].is_string() ? json[at].get<std::string>() : std::string();
}

std::vector<SwarmNode> swarm_nodes(const SwarmJson& list, const std::string& zone_label) {
  std::vector<SwarmNode> all;
  std::map<std::string, int> namesakes;
  for (const auto& one : list) {
    SwarmNode node{.id = swarm_text(one, "/ID"), .host = {}, .address = {}};
    if (node.id.empty()) continue;
    node.host.name = swarm_text(one, "/Description/Hostname");
    if (node.host.name.empty()) node.host.name = node.id;
    const auto labels = SwarmJson::json_pointer("/Spec/Labels");
    const auto label = [&](const std::string& name) {
      if (!one.contains(labels) || !one[labels].is_object()) return std::string();
      const auto found = one[labels].find(name);  // it may hold a `/`
      return found != one[labels].end() && found->is_string() ? found->get<std::string>()
                                                              : std::string();
    };
    node.host.zone = label(zone_label);
    node.address = label("address");
    if (node.address.empty()) node.address = swarm_text(one, "/Status/Addr");
    const auto state = swarm_text(one, "/Status/State");
    // "unknown": the manager itself is new, and has not heard of anybody yet.
    node.host.is_up = state == "ready" || state == "unknown";
    node.host.is_open = state == "ready" && swarm_text(one, "/Spec/Availability") == "active";
    ++namesakes[node.host.name];
    all.push_back(std::move(node));
  }
  for (auto& node : all)
    if (namesakes[node.host.name] > 1) node.host.name += "." + node.id.substr(0, 8);
  std::ranges::sort(all, {}, [](const SwarmNode& node) { return node.host.name; });
  return all;
}

SwarmService swarm_service(const SwarmJson& service) {
  return {.id = swarm_text(service, "/ID"),
          .instance = swarm_text(service, "/Spec/Labels/utakata.instance"),
          .node = swarm_text(service, "/Spec/Labels/utakata.node"),
          .address = {swarm_text(service, "/Spec/Labels/utakata.address"),
                      port_in(swarm_text(service, "/Spec/Labels/utakata.port"))},
          .replicas = number_in(service, "/Spec/Mode/Replicated/Replicas")};
}

SwarmTask swarm_task(const SwarmJson& task) {
  return {.id = swarm_text(task, "/ID"),
          .service = swarm_text(task, "/ServiceID"),
          .node = swarm_text(task, "/NodeID"),
          .container = swarm_text(task, "/Status/ContainerStatus/ContainerID"),
          .state = swarm_text(task, "/Status/State"),
          .desired = swarm_text(task, "/DesiredState"),
          .error = swarm_text(task, "/Status/Err"),
          .created = swarm_text(task, "/CreatedAt"),
          .exit_code = number_in(task, "/Status/ContainerStatus/ExitCode"),
          .port = port_in(swarm_text(task, "/Spec/ContainerSpec/Labels/utakata.port"))};
}

bool is_over(const SwarmTask& task) {
  for (const char* state : {"complete", "failed", "shutdown", "rejected", "orphaned", "remove"})
    if (task.state == state) return true;
  return false;
}

std::string end_of(const SwarmTask& task, const std::string& host, const std::string& image) {
  if (task.error.find("No such image") != std::string::npos)
    return fmt::format(
        "there is no image {} on host {}: build it there, fetch it there by `docker pull`, or let "
        "the hosts reach its registry",
        image, host);
  if (task.state == "rejected") return fmt::format("host {} refuses it: {}", host, task.error);
  if (task.state == "orphaned") return fmt::format("its host {} was away for too long", host);
  if (task.state == "shutdown")
    return fmt::format("the Swarm has shut it down: is host {} drained?", host);
  const bool has_ended_itself =
      task.state == "complete" || task.error.starts_with("task: non-zero exit");
  return has_ended_itself ? exit_text(task.exit_code) : task.error;
}

}  // namespace utakata
