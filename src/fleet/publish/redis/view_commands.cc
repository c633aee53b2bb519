#include "fleet/publish/redis/view_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "fleet/model/template.h"

namespace utakata {
namespace {

std::string plain_url(const std::string& url) {
  const auto no_ticket = [](std::string_view name) {
    return name == "ticket" ? std::optional<std::string>("") : std::nullopt;
  };
  return expand(url, no_ticket).value_or(url);
}

using Commands = std::vector<std::vector<std::string>>;

void add_cluster(Commands& commands, const std::string& key, const PublishedCluster& cluster) {
  std::map<std::string, double> load_of;
  std::set<std::string> uncounted;
  for (const auto& line : cluster.lines) {
    if (!line.open || line.identity->url.empty()) continue;
    const std::string url = plain_url(line.identity->url);
    if (!line.is_free_known) uncounted.insert(url);
    if (!line.is_free_known || line.free <= 0) continue;
    const auto [at, is_new] = load_of.try_emplace(url, line.load);
    if (!is_new) at->second = std::min(at->second, line.load);
  }
  if (uncounted.empty()) {
    commands.push_back({"DEL", key});
  } else {
    const std::string kept = key + ":kept";
    commands.push_back({"ZADD", kept});
    for (const auto& url : uncounted) commands.back().insert(commands.back().end(), {"0", url});
    commands.push_back({"ZINTERSTORE", key, "2", key, kept, "WEIGHTS", "1", "0"});
    commands.push_back({"DEL", kept});
  }
  if (load_of.empty()) return;
  commands.push_back({"ZADD", key});
  for (const auto& [url, load] : load_of)
    commands.back().insert(commands.back().end(),
                           {fmt::format("{}", std::round(load * 1000) / 1000), url});
}

}  // namespace

std::vector<std::vector<std::string>> redis_view_commands(
    const std::string& stack, std::span<const PublishedCluster> clusters, Duration lives) {
  Commands commands{{"MULTI"}};
  for (const PublishedCluster& cluster : clusters) {
    if (cluster.whose == PublishedCluster::Whose::others) continue;
    const std::string key = fmt::format("utakata:{}:{}", stack, cluster.cluster);
    if (cluster.whose == PublishedCluster::Whose::ours) add_cluster(commands, key, cluster);
    commands.push_back({"PEXPIRE", key, std::to_string(to_ms(lives))});
  }
  commands.push_back({"EXEC"});
  return commands;
}

}  // namespace utakata
