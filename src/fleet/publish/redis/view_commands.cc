#include "fleet/publish/redis/view_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "fleet/model/template.h"

namespace utakata {
namespace {

std::string plain_url(const std::string& url) {
  const auto no_ticket = [](std::string_view name) {
    return name == "ticket" ? std::optional<std::string>("") : std::nullopt;
  };
  return expand(url, no_ticket).value_or(url);
}

}  // namespace

std::vector<std::vector<std::string>> redis_view_commands(
    const std::string& stack, std::span<const PublishedCluster> clusters, Duration lives) {
  std::vector<std::vector<std::string>> commands{{"MULTI"}};
  for (const PublishedCluster& cluster : clusters) {
    std::map<std::string, double> load_of;
    for (const auto& line : cluster.lines) {
      if (!line.open || line.free <= 0 || line.identity->url.empty()) continue;
      const auto [at, is_new] = load_of.try_emplace(plain_url(line.identity->url), line.load);
      if (!is_new) at->second = std::min(at->second, line.load);
    }
    const std::string key = fmt::format("utakata:{}:{}", stack, cluster.cluster);
    commands.push_back({"DEL", key});
    if (load_of.empty()) continue;
    std::vector<std::string> add{"ZADD", key};
    for (const auto& [url, load] : load_of) {
      add.push_back(fmt::format("{}", std::round(load * 1000) / 1000));
      add.push_back(url);
    }
    commands.push_back(std::move(add));
    commands.push_back({"PEXPIRE", key, std::to_string(to_ms(lives))});
  }
  commands.push_back({"EXEC"});
  return commands;
}

}  // namespace utakata
