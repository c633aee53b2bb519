#include "fleet/provider/docker/foreign_containers.h"

#include <fmt/format.h>

#include <map>

#include "fleet/provider/docker/docker_state.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

const Json& part(const Json& json, const char* name) {
  static const Json none;
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? none : *found;
}

std::uint16_t port_at(const Json& json, const char* name) {
  const Json& port = part(json, name);
  return port.is_number_unsigned() && port <= 65535 ? port.get<std::uint16_t>() : 0;
}

// Outside, by the port inside. IPv4 and IPv6 tell the same port twice.
std::map<std::uint16_t, std::uint16_t> published(const Json& listed) {
  std::map<std::uint16_t, std::uint16_t> ports;
  for (const Json& one : part(listed, "Ports"))
    if (text_at(one, "Type") == "tcp" && port_at(one, "PublicPort") != 0)
      ports.emplace(port_at(one, "PrivatePort"), port_at(one, "PublicPort"));
  return ports;
}

std::unexpected<Problem> refused(Problem::Kind kind, const Json& listed, const std::string& why) {
  return problem(kind, fmt::format("docker: container {} {}", container_name(listed), why));
}

Expected<std::uint16_t> port_of(const Json& listed, const ForeignQuery& query,
                                const ForeignPlace& place) {
  using Kind = Problem::Kind;
  const bool in_hosts_network = text_at(part(listed, "HostConfig"), "NetworkMode") == "host";
  if (in_hosts_network == place.publishes)
    return refused(Kind::conflict, listed,
                   place.publishes
                       ? "is in the host's network, and this stack's are not: start it with `-p`"
                       : "has a network of its own, and this stack's are in the host's: set "
                         "`network: published` of `docker`");
  if (in_hosts_network && query.port == 0)
    return refused(Kind::invalid, listed,
                   "is in the host's network: name the port that it listens on by --port");
  if (in_hosts_network) return query.port;
  const auto ports = published(listed);
  const auto found = query.port ? ports.find(query.port) : ports.begin();
  if (found == ports.end())
    return refused(Kind::invalid, listed,
                   query.port ? fmt::format("publishes its port {} nowhere: start it with `-p {}`",
                                            query.port, query.port)
                              : "publishes no port: start it with `-p`");
  if (query.port == 0 && ports.size() > 1)
    return refused(Kind::invalid, listed, "publishes several ports: name one by --port");
  if (query.counts_sockets && found->first != found->second)
    return refused(Kind::invalid, listed,
                   fmt::format("has port {} inside and {} outside, which the kernel's count does "
                               "not bring together: set `count` to `http` or `prometheus`",
                               found->first, found->second));
  return found->second;
}

}  // namespace

std::string container_name(const Json& listed) {
  const Json& names = part(listed, "Names");
  const auto name =
      names.is_array() && !names.empty() && names[0].is_string() ? names[0].get<std::string>() : "";
  return name.starts_with('/') ? name.substr(1) : text_at(listed, "Id").substr(0, 12);
}

Expected<std::vector<Foreign>> foreign_containers(const Json& list, const ForeignQuery& query,
                                                  const ForeignPlace& place) {
  if (!list.is_array())
    return problem(Problem::Kind::refused, "docker: what the Engine lists is not a list");
  std::vector<Foreign> all;
  for (const Json& listed : list) {
    const auto id = text_at(listed, "Id");
    if (id.empty() || !text_at(part(listed, "Labels"), "utakata.instance").empty()) continue;
    const auto port = port_of(listed, query, place);
    if (!port) return std::unexpected(port.error());
    for (const Foreign& other : all)
      if (other.address.port == *port)
        return refused(Problem::Kind::conflict, listed,
                       fmt::format("is at port {} like another one: adopt them one by one, by "
                                   "labels of their own",
                                   *port));
    all.push_back({docker_handle(id), {place.advertise, *port}});
  }
  if (all.empty())
    return problem(Problem::Kind::not_found,
                   fmt::format("docker: no running container has the label {}, but for Utakata's "
                               "own: `docker ps --filter label={}` lists them",
                               query.label, query.label));
  return all;
}

}  // namespace utakata
