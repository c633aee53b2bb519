#include "fleet/stack/provider_keys.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "fleet/model/address.h"
#include "fleet/stack/stack_keys.h"

namespace utakata {
namespace {

void read_provider_name(Reader& r, const Yaml& y, StackDraft& d) {
  const auto text = r.text(y);
  if (!text || *text == "process") return;
  if (*text == "observe") {
    d.stack.provider = ProviderKind::observe;
    return;
  }
  if (*text == "docker") {
    d.stack.provider = ProviderKind::docker;
    return;
  }
  if (*text == "swarm") {
    d.stack.provider = ProviderKind::swarm;
    return;
  }
  if (*text == "kubernetes" || *text == "ec2")
    return r.mistake(
        y,
        fmt::format("`provider: {}` is not yet supported by this version: use `process`.", *text));
  r.mistake(y, fmt::format("{} is no provider: use `process`, `docker` or `swarm`, or `observe` to "
                           "launch nothing.",
                           in_ticks(*text)));
}

// `tcp://10.0.0.5:2376`, `unix:///run/docker.sock`.
void read_engine(Reader& r, const Yaml& y, const std::string& key, EngineAddress& engine) {
  const auto text = r.text(y);
  if (!text) return;
  constexpr std::string_view unix_scheme = "unix://", tcp_scheme = "tcp://";
  if (text->starts_with("unix:///")) {
    engine.socket = text->substr(unix_scheme.size());
    return;
  }
  const auto host = text->starts_with(tcp_scheme) ? text->substr(tcp_scheme.size()) : "";
  const auto colon = host.rfind(':');
  const auto port = colon == host.npos || colon == 0
                        ? std::nullopt
                        : port_from(std::string_view(host).substr(colon + 1));
  if (!port || *port == 0 || host.find_first_of("/ \t@?#") != host.npos)
    return r.mistake(y, fmt::format("{} must be such as `tcp://10.0.0.5:2376` or "
                                    "`unix:///var/run/docker.sock`, not {}.",
                                    in_ticks(key), in_ticks(*text)));
  engine.host = host;
}

void read_host(Reader& r, const Yaml& y, StackDraft& d) {
  read_engine(r, y, "host", d.stack.docker.engine);
}

const Key<StackDraft> docker_keys[] = {
    {{"socket", Mark::now, "text", "The Engine's unix socket; /var/run/docker.sock by default."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.docker.engine.socket); }},
    {{"host", Mark::now, "docker_host",
      "Where the Engine answers: `tcp://10.0.0.5:2376`, or `unix:///var/run/docker.sock`."},
     read_host},
    {{"ca", Mark::now, "text", "Of `tcp`: who signs the Engine's certificate, a PEM file."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.docker.engine.ca); }},
    {{"certificate", Mark::now, "text", "What the Engine knows us by, a PEM file."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.docker.engine.certificate); }},
    {{"key", Mark::now, "text", "The certificate's private key, a PEM file."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.docker.engine.key); }},
    {{"network", Mark::now, "docker_network",
      "`host` (by default): instances listen in the host's network; `published`: each has one of "
      "its own, and its port is published on the host."},
     [](Reader& r, const Yaml& y, StackDraft& d) {
       const auto text = r.text(y);
       if (!text) return;
       d.stack.docker.publishes = *text == "published";
       if (*text != "host" && *text != "published")
         r.mistake(
             y, fmt::format("`network` must be `host` or `published`, not {}.", in_ticks(*text)));
     }},
};

void read_swarm_hosts(Reader& r, const Yaml& y, StackDraft& d) {
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::map)
    return r.mistake_at_key(
        y, "`hosts` must be names and Engines, such as `worker-1: \"tcp://10.0.0.11:2376\"`.");
  for (const Yaml& item : y.items)
    read_engine(r, item, item.key,
                d.stack.swarm.hosts.emplace_back(item.key, EngineAddress{}).second);
}

const Key<StackDraft> swarm_keys[] = {
    {{"socket", Mark::now, "text",
      "The unix socket of a manager's Engine; /var/run/docker.sock by default."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.docker.engine.socket); }},
    {{"host", Mark::now, "docker_host",
      "Where a manager's Engine answers: `tcp://10.0.0.5:2376`, or `unix:///var/run/docker.sock`."},
     read_host},
    {{"hosts", Mark::now, "env",
      "The Engines of other hosts, by the hosts' names: packed apps are brought there."},
     read_swarm_hosts},
    docker_keys[2],
    docker_keys[3],
    docker_keys[4],
    docker_keys[5],
    {{"zone_label", Mark::now, "text",
      "The label of a Swarm's node that names its zone; `zone` by default."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.text(y, d.stack.swarm.zone_label); }},
};

// The files are those of all: one authority signs for a Swarm's Engines.
void read_swarm(Reader& r, const Yaml& y, StackDraft& d) {
  read_map<StackDraft>(r, y, swarm_keys, d);
  const EngineAddress& engine = d.stack.docker.engine;
  if (engine.certificate.empty() != engine.key.empty())
    r.mistake(y, "`certificate` and `key` belong together: give both or none.");
  for (auto& [name, address] : d.stack.swarm.hosts)
    if (!address.host.empty())
      address.ca = engine.ca, address.certificate = engine.certificate, address.key = engine.key;
}

}  // namespace

void read_docker(Reader& r, const Yaml& y, StackDraft& d) {
  if (d.docker)
    return r.mistake(y, "The Engine is described twice, in `provider` and in `docker`: keep one.");
  d.docker = &y;
  read_map<StackDraft>(r, y, docker_keys, d);
  const EngineAddress& engine = d.stack.docker.engine;
  if (engine.certificate.empty() != engine.key.empty())
    r.mistake(y, "`certificate` and `key` belong together: give both or none.");
  if (engine.host.empty() && !(engine.ca + engine.certificate).empty())
    r.mistake(y,
              "`ca` and `certificate` are for an Engine at a `host`, as in `host: "
              "tcp://10.0.0.5:2376`: name it, or remove them.");
}

// `process`, or with what belongs to it: `{ docker: { host: ... } }`.
void read_provider(Reader& r, const Yaml& y, StackDraft& d) {
  if (y.kind != Yaml::Kind::map) return read_provider_name(r, y, d);
  const bool is_swarm = y.items.size() == 1 && y.items[0].key == "swarm";
  if (is_swarm) {
    d.stack.provider = ProviderKind::swarm;
    return read_swarm(r, y.items[0], d);
  }
  if (y.items.size() != 1 || y.items[0].key != "docker")
    return r.mistake(y,
                     "As a block `provider` holds one that has settings, as in `provider: { "
                     "docker: { network: published } }`.");
  d.stack.provider = ProviderKind::docker;
  read_docker(r, y.items[0], d);
}

std::vector<Section> provider_sections() {
  return {section_of<StackDraft>("docker", docker_keys),
          section_of<StackDraft>("swarm", swarm_keys)};
}

}  // namespace utakata
