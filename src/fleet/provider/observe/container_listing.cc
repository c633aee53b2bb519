#include "fleet/provider/observe/container_listing.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <optional>

#include "fleet/model/address.h"
#include "fleet/provider/docker/engine.h"
#include "fleet/provider/observe/json_parts.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

int port_in(const Json& json, const char* name) {
  const auto port = number_of(json, name).value_or(0);
  return port < 0 || port > 65535 ? 0 : int(port);
}

bool matches(const std::string& pattern, const std::string& text) {
  return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

// "/game-1", or "/other/game" for a link's.
std::string name_of(const Json& container) {
  const auto* const names = part_of(container, "Names");
  if (!names || !names->is_array() || names->empty() || !(*names)[0].is_string()) return {};
  const auto name = (*names)[0].get<std::string>();
  return name.starts_with('/') ? name.substr(1) : name;
}

bool is_meant(const Json& container, const ObservedContainers& wanted) {
  if (!wanted.name.empty()) return matches(wanted.name, name_of(container));
  if (!wanted.image.empty()) return matches(wanted.image, text_of(container, "Image"));
  return true;  // the Engine has looked at the label
}

// What is published on another host's loopback is not reached from here.
std::optional<Address> published(const Json& container, int port, const EnginePlace& engine) {
  const auto* const ports = part_of(container, "Ports");
  for (const Json& one : ports ? *ports : Json()) {
    if (port_in(one, "PrivatePort") != port || text_of(one, "Type") != "tcp") continue;
    const int outside = port_in(one, "PublicPort");
    const auto ip = text_of(one, "IP");
    const bool is_any = ip.empty() || ip == "0.0.0.0" || ip == "::";
    const bool is_loopback = ip.starts_with("127.") || ip == "::1";
    if (outside == 0 || (is_loopback && !engine.is_here)) continue;
    const auto host = is_any ? engine.host : ip.find(':') == ip.npos ? ip : "[" + ip + "]";
    return Address{host, std::uint16_t(outside)};
  }
  return std::nullopt;
}

std::optional<Address> address_of(const Json& container, int port, const EnginePlace& engine) {
  if (const auto outside = published(container, port, engine)) return outside;
  const auto* const config = part_of(container, "HostConfig");
  if (config && text_of(*config, "NetworkMode") == "host")
    return Address{engine.host, std::uint16_t(port)};
  if (!engine.is_here) return std::nullopt;
  const auto* const settings = part_of(container, "NetworkSettings");
  const auto* const networks = settings ? part_of(*settings, "Networks") : nullptr;
  for (const Json& network : networks ? *networks : Json())
    if (auto ip = text_of(network, "IPAddress"); is_host(ip))
      return Address{std::move(ip), std::uint16_t(port)};
  return std::nullopt;
}

}  // namespace

std::string containers_path(const ObservedContainers& wanted) {
  Json filters = {{"status", {"running"}}};
  if (!wanted.label.empty()) filters["label"] = {wanted.label};
  return "/containers/json?filters=" + query_escaped(filters.dump());
}

Expected<std::vector<Listed>> read_containers(const Json& list, const ObservedContainers& wanted,
                                              const EnginePlace& engine) {
  if (!list.is_array())
    return problem(Problem::Kind::invalid, "docker: what the Engine lists is not a list");
  std::vector<Listed> all;
  for (const Json& container : list) {
    const auto id = text_of(container, "Id");
    if (id.size() < 12)
      return problem(Problem::Kind::invalid, "docker: a container in the Engine's list has no id");
    if (!is_meant(container, wanted)) continue;
    const auto address = address_of(container, wanted.port, engine);
    if (!address)
      return problem(
          Problem::Kind::invalid,
          fmt::format("docker: port {} of container {} is not reached from here: publish it, as by "
                      "`docker run -p {}`",
                      wanted.port, name_of(container), wanted.port));
    all.push_back({fmt::format("container {:.12}", id), *address});
  }
  if (const auto twice = same_address(all))
    return problem(
        Problem::Kind::invalid,
        fmt::format("docker: two containers are both at {}:{}: each must be reached by itself, at "
                    "a port of its own",
                    twice->address.host, twice->address.port));
  return all;
}

}  // namespace utakata
