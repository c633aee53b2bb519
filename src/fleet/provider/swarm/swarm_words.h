// What a Swarm says of its hosts, services and tasks. Pure; what is missing or of another type is
// empty.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fleet/model/host.h"
#include "fleet/model/instance.h"

namespace utakata {

using SwarmJson = nlohmann::json;

struct SwarmNode {
  std::string id;
  Host host;
  std::string address;  // its label `address`, else the one that it is known by in the Swarm
};

// Sorted by the hosts' names. Nodes that share a name are told apart by their ids: "web.4f5e6a7b".
// A node's zone is its label `zone_label`.
std::vector<SwarmNode> swarm_nodes(const SwarmJson& list, const std::string& zone_label);

struct SwarmService {
  std::string id;
  std::string instance;  // empty: not one of ours
  std::string node;      // the id of the one it is bound to
  Address address;
  int replicas = 0;  // 0: it waits for its release
};

SwarmService swarm_service(const SwarmJson& service);

struct SwarmTask {
  std::string id, service, node, container;
  std::string state;    // "pending" ... "running" ... "failed"
  std::string desired;  // "running", "shutdown", "remove"
  std::string error;    // "No such image: chat:7"
  std::string created;  // RFC 3339: sorts by time
  int exit_code = 0;
  std::uint16_t port = 0;
};

SwarmTask swarm_task(const SwarmJson& task);

// Nothing of it runs, or ever will.
bool is_over(const SwarmTask& task);

// Why it is: "exit code 3", "there is no image chat:7 on host worker-3: ...".
std::string end_of(const SwarmTask& task, const std::string& host, const std::string& image);

std::string swarm_text(const SwarmJson& json, const char* pointer);  // at "/Status/State"; or empty

}  // namespace utakata
