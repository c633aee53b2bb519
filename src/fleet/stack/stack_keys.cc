#include "fleet/stack/stack_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "fleet/stack/parameters.h"
#include "fleet/stack/provider_keys.h"
#include "wire/redis_address.h"

namespace utakata {

std::optional<std::uint16_t> port_from(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port > 65535) return std::nullopt;
  return std::uint16_t(port);
}

namespace {

// `127.0.0.1:7070`, `[::1]:7070`.
std::optional<Listen> listen_from(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon == text.npos ? 0 : colon);
  const auto port =
      colon == text.npos ? std::nullopt : port_from(std::string_view(text).substr(colon + 1));
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (!port || host.empty() || (!is_bracketed && host.find(':') != host.npos) ||
      host.find_first_of(" \t[]/") != host.npos)
    return std::nullopt;
  return Listen{host, *port};
}

void read_listen(Reader& r, const Yaml& y, StackDraft& d) {
  const auto text = r.text(y);
  if (!text) return;
  if (auto listen = listen_from(*text)) {
    d.stack.api.listen = std::move(*listen);
    return;
  }
  r.mistake(y,
            fmt::format("`listen` must be an address and a port such as `127.0.0.1:7070`, not {}.",
                        in_ticks(*text)));
}

void read_advertise(Reader& r, const Yaml& y, StackDraft& d) {
  const auto text = r.text(y);
  if (!text) return;
  if (text->empty() || text->find_first_of(" \t\r\n/") != text->npos)
    return r.mistake(
        y, fmt::format("`advertise` must be a host name or an address, without a scheme, not {}.",
                       in_ticks(*text)));
  d.stack.api.advertise = *text;
  d.is_advertise_given = true;
}

void read_ports(Reader& r, const Yaml& y, StackDraft& d) {
  const auto text = r.text(y);
  if (!text) return;
  const std::size_t dash = text->find('-');
  const auto first = port_from(std::string_view(*text).substr(0, dash));
  const auto last =
      dash == text->npos ? std::nullopt : port_from(std::string_view(*text).substr(dash + 1));
  if (!first || !last || *first < 1 || *first > *last)
    return r.mistake(
        y, fmt::format("`ports` must be a range such as `20000-29999`, within 1 and 65535, not {}.",
                       in_ticks(*text)));
  d.stack.api.ports_first = *first, d.stack.api.ports_last = *last;
}

const Key<StackDraft> api_keys[] = {
    {{"listen", Mark::now, "text",
      "Where the controller answers; 127.0.0.1:7070 by default, port 0 for any free one."},
     read_listen},
    {{"advertise", Mark::now, "text", "The host name or address that clients reach instances at."},
     read_advertise},
    {{"ports", Mark::now, "range", "The ports given to instances; 20000-29999 by default."},
     read_ports},
    {{"certificate", Mark::now, "text",
      "A PEM file; with it, and `key`, the controller answers over HTTPS."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.api.certificate); }},
    {{"key", Mark::now, "text", "The certificate's private key, a PEM file."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.api.key); }},
    {{"ca", Mark::now, "text",
      "Of several controllers at https: a PEM file of who signed their certificates, and nobody "
      "else is trusted among them; the system's without it."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.api.ca); }},
    {{"origins", Mark::now, "texts",
      "Web pages that may place clients, such as https://game.example; any without it."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.texts(y, d.stack.api.origins); }},
};

void read_api(Reader& r, const Yaml& y, StackDraft& d) {
  d.api = &y;
  read_map<StackDraft>(r, y, api_keys, d);
  const ApiSpec& api = d.stack.api;
  if (api.certificate.empty() != api.key.empty())
    r.mistake(y, "`certificate` and `key` belong together: give both or none.");
  if (!api.ca.empty() && api.certificate.empty())
    r.mistake(y, "`ca` is of controllers at https://: give their `certificate` and `key`, too.");
}

void read_store_file(Reader& r, const Yaml& y, StackDraft& d) {
  const auto text = r.text(y);
  if (!text) return;
  if (text->starts_with("etcd://"))
    return r.mistake(y,
                     "A store in etcd is written `store: { etcd: [ \"http://10.0.0.1:2379\" ] }`, "
                     "with the address of each member.");
  if (text->find("://") != text->npos)
    return r.mistake(
        y, fmt::format("`store` must be the path of an SQLite file, not {}.", in_ticks(*text)));
  r.path(y, d.stack.store);
}

bool is_etcd_address(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const auto host = text.substr(scheme.size());
    return !host.empty() && host.find_first_of("/?#@, \t\r\n") == host.npos;
  }
  return false;
}

void read_endpoints(Reader& r, const Yaml& y, StackDraft& d) {
  std::vector<std::string> endpoints;
  const auto before = r.mistakes.size();
  r.texts(y, endpoints);
  if (r.mistakes.size() > before) return;
  if (y.kind == Yaml::Kind::list && y.items.empty())
    return r.mistake(y, "`etcd` needs the address of at least one member.");
  if (y.kind == Yaml::Kind::list && y.items.size() != endpoints.size()) return;  // noted elsewhere
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    while (endpoints[i].ends_with('/')) endpoints[i].pop_back();
    const Yaml& at = y.kind == Yaml::Kind::list ? y.items[i] : y;
    if (!is_etcd_address(endpoints[i]))
      r.mistake(at, fmt::format("A member of etcd is an address such as `http://10.0.0.1:2379`, "
                                "not {}.",
                                in_ticks(endpoints[i])));
    const auto here = endpoints.begin() + std::ptrdiff_t(i);
    if (std::find(endpoints.begin(), here, *here) != here)
      r.mistake(at, fmt::format("{} stands twice: each member of etcd has its own address.",
                                in_ticks(endpoints[i])));
  }
  d.stack.etcd.endpoints = std::move(endpoints);
}

const Key<StackDraft> store_keys[] = {
    {{"etcd", Mark::now, "texts",
      "The addresses of etcd's members, such as http://10.0.0.1:2379; then several controllers may "
      "run the stack.",
      true},
     read_endpoints},
    {{"ca", Mark::now, "text",
      "Of https: a PEM file of who signed etcd's certificate; the system's without it."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.etcd.ca); }},
    {{"certificate", Mark::now, "text", "Of https: who we are to etcd, a PEM file."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.etcd.certificate); }},
    {{"key", Mark::now, "text", "The certificate's private key, a PEM file."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.path(y, d.stack.etcd.key); }},
    {{"lease", Mark::now, "duration",
      "How long a controller may be silent before others take its clusters over; 3s by default."},
     [](Reader& r, const Yaml& y, StackDraft& d) { r.duration(y, 2s, 60s, d.stack.etcd.lease); }},
    {{"give_back", Mark::now, "duration",
      "How long a cluster's `owner` must have been back before it gets the cluster; 30s by "
      "default."},
     [](Reader& r, const Yaml& y, StackDraft& d) {
       r.duration(y, 1s, 24h, d.stack.etcd.give_back);
     }},
    {{"file", Mark::now, "text",
      "The SQLite file of this machine's observations; ./STACK.db by default."},
     read_store_file},
};

void read_store(Reader& r, const Yaml& y, StackDraft& d) {
  d.store = &y;
  if (y.kind != Yaml::Kind::map) return read_store_file(r, y, d);
  read_map<StackDraft>(r, y, store_keys, d);
  const EtcdSpec& etcd = d.stack.etcd;
  if (etcd.certificate.empty() != etcd.key.empty())
    r.mistake(y, "`certificate` and `key` belong together: give both or none.");
  const bool has_files = !etcd.ca.empty() || !etcd.certificate.empty();
  if (has_files && std::ranges::any_of(etcd.endpoints, [](const std::string& one) {
        return one.starts_with("http://");
      }))
    r.mistake(y,
              "`ca`, `certificate` and `key` are of members at https://: write their addresses "
              "so, or remove the files.");
}

void read_name(Reader& r, const Yaml& y, StackDraft& d) {
  const auto text = r.text(y);
  if (text && r.name(y.line, y.column, *text, "stack")) d.stack.name = *text;
}

void read_clusters(Reader& r, const Yaml& y, StackDraft& d) {
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::map || y.items.empty())
    return r.mistake_at_key(
        y, "`clusters` must hold at least one cluster: a name with `run` below it.");
  if (y.items.size() > 100)
    return r.mistake_at_key(y, "A stack has at most 100 clusters: split it into several stacks.");
  d.clusters.resize(y.items.size());
  for (std::size_t i = 0; i < y.items.size(); ++i) read_cluster(r, y.items[i], d.clusters[i]);
}

void read_powers(Reader& r, const Yaml& y, StackDraft& d) {
  std::vector<std::string> words;
  r.texts(y, words);
  if (words.empty()) return;
  d.powers = &y;
  constexpr std::array<std::string_view, 5> known = {"observe", "place", "launch", "drain", "heal"};
  const auto has = [&](const char* word) { return std::ranges::find(words, word) != words.end(); };
  for (const std::string& word : words)
    if (std::ranges::find(known, word) == known.end())
      r.mistake(y, fmt::format("{} is no power{} There are {}.", in_ticks(word),
                               did_you_mean(word, known).empty() ? "." : did_you_mean(word, known),
                               fmt::join(known, ", ")));
  d.stack.powers = {
      .place = has("place"), .launch = has("launch"), .drain = has("drain"), .heal = has("heal")};
}

struct PriceDraft {
  PriceSpec price;
  std::optional<double> instance_hour;
};

const Key<PriceDraft> price_keys[] = {
    {{"instance_hour", Mark::now, "number", "What an instance costs an hour.", true},
     [](Reader& r, const Yaml& y, PriceDraft& d) { r.number(y, 1e6, d.instance_hour); }},
    {{"currency", Mark::now, "text", "Such as USD.", true},
     [](Reader& r, const Yaml& y, PriceDraft& d) { r.text(y, d.price.currency); }},
    {{"cap_per_day", Mark::now, "number",
      "When the last 24 hours cost so much, nothing beyond `min` is launched; nobody is cut."},
     [](Reader& r, const Yaml& y, PriceDraft& d) { r.number(y, 1e12, d.price.cap_per_day); }},
};

void read_price(Reader& r, const Yaml& y, StackDraft& d) {
  PriceDraft draft;
  read_map<PriceDraft>(r, y, price_keys, draft);
  if (draft.price.currency.size() > 12)
    return r.mistake(y, "`currency` must be a short word such as `USD`.");
  d.stack.price = draft.price;
  d.stack.price.instance_hour = draft.instance_hour.value_or(0);
}

void read_redis(Reader& r, const Yaml& y, PublishSpec& d) {
  const auto text = r.text(y);
  if (!text) return;
  if (const auto address = wire::redis_address(*text); !address)
    return r.mistake(y, fmt::format("`redis`: {}.", address.error().what));
  d.redis = *text;
}

void read_haproxy_socket(Reader& r, const Yaml& y, HaproxySpec& d) {
  const auto text = r.text(y);
  if (!text) return;
  if (text->find('/') != text->npos) {
    r.path(y, d.socket);
    constexpr std::size_t most = 107;  // sockaddr_un's own
    if (d.socket.size() > most)
      r.mistake(y, fmt::format("`socket`: the path of a unix socket has at most {} letters, this "
                               "one has {}.",
                               most, d.socket.size()));
    return;
  }
  const auto address = listen_from(*text);
  if (!address || address->port == 0)
    return r.mistake(y, fmt::format("`socket` must be a path such as `/run/haproxy/admin.sock`, or "
                                    "an address and a port such as `127.0.0.1:9999`, not {}.",
                                    in_ticks(*text)));
  d.address = *address;
}

void read_haproxy_backend(Reader& r, const Yaml& y, HaproxySpec& d) {
  // A parameter of that name goes first.
  const auto [ours, is_ours] = r.parameters.try_emplace("cluster", "${cluster}");
  const auto text = r.text(y);
  if (is_ours) r.parameters.erase(ours);
  if (!text) return;
  std::string rest = *text;
  if (const auto at = rest.find("${cluster}"); at != rest.npos) rest.replace(at, 10, "x");
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:").contains(c);
  };
  if (rest.empty() || !std::ranges::all_of(rest, is_letter))
    return r.mistake(y, fmt::format("`backend` must be the name of a backend in haproxy.cfg: "
                                    "letters, digits and `-_.:`, and ${{cluster}} for the "
                                    "cluster's name, not {}.",
                                    in_ticks(*text)));
  d.backend = *text;
}

const Key<HaproxySpec> haproxy_keys[] = {
    {{"socket", Mark::now, "text",
      "HAProxy's runtime socket, `level admin`: /run/haproxy/admin.sock, or an address and a port.",
      true},
     read_haproxy_socket},
    {{"backend", Mark::now, "text",
      "The backend in haproxy.cfg that holds a cluster's instances; ${cluster} by default."},
     read_haproxy_backend},
    {{"clusters", Mark::now, "texts", "Whose instances it is told of; all clusters by default."},
     [](Reader& r, const Yaml& y, HaproxySpec& d) { r.texts(y, d.clusters); }},
};

void read_haproxy(Reader& r, const Yaml& y, StackDraft& d) {
  d.haproxy = &y;
  read_map<HaproxySpec>(r, y, haproxy_keys, d.stack.publish.haproxy.emplace());
}

const Key<StackDraft> publish_keys[] = {
    {{"redis", Mark::now, "text",
      "redis://[user:password@]host[:port][/db]: a sorted set for each cluster, "
      "utakata:STACK:CLUSTER, "
      "of urls by load, written each second."},
     [](Reader& r, const Yaml& y, StackDraft& d) { read_redis(r, y, d.stack.publish); }},
    {{"haproxy", Mark::now, "haproxy", "An HAProxy whose backends are to hold the instances."},
     read_haproxy},
};

void read_publish(Reader& r, const Yaml& y, StackDraft& d) {
  read_map<StackDraft>(r, y, publish_keys, d);
}

const Key<StackDraft> stack_keys[] = {
    {{"stack", Mark::now, "text", "The stack's name: a-z, 0-9 and `-`.", true}, read_name},
    {{"parameters", Mark::now, "parameters",
      "Values that `-p name=value` may change, used as ${name}."},
     [](Reader&, const Yaml&, StackDraft&) {}},  // read before everything else
    {{"provider", Mark::now, "provider",
      "What launches instances: `process`, on this machine; `docker`, as its containers; "
      "`swarm`, as services of a Swarm; `observe`: others do, and it watches."},
     read_provider},
    {{"store", Mark::now, "store",
      "The SQLite file of everything recorded, ./STACK.db by default; or etcd."},
     read_store},
    {{"api", Mark::now, "api", "Where the controller and the instances answer."}, read_api},
    {{"clusters", Mark::now, "clusters", "The clusters, by their names.", true}, read_clusters},
    {{"powers", Mark::now, "powers",
      "What the controller may do, of observe, place, launch, drain and heal; all by default, with "
      "`provider: observe` [observe]."},
     read_powers},
    {{"shows", Mark::now, "shows", "Planned peaks, by their names."},
     [](Reader& r, const Yaml& y, StackDraft& d) { read_shows(r, y, d.shows); }},
    {{"price", Mark::now, "price", "What instances cost, and what a day may cost."}, read_price},
    {{"publish", Mark::now, "publish",
      "Where placement's view is told to those who choose by themselves."},
     read_publish},
    {{"notify", Mark::later, "", ""}},
    {{"docker", Mark::now, "docker", "Of `provider: docker`: the Engine, and its network."},
     read_docker},
    {{"kubernetes", Mark::later, "", ""}},
    {{"ec2", Mark::later, "", ""}},
    {{"secrets", Mark::later, "", ""}},
    {{"functions", Mark::later, "", ""}},
};

}  // namespace

void read_stack(Reader& reader, const Yaml& root, StackDraft& into) {
  read_map<StackDraft>(reader, root, stack_keys, into);
}

std::vector<Section> stack_sections() {
  std::vector<Section> all = {section_of<StackDraft>("stack", stack_keys),
                              parameter_section(),
                              section_of<StackDraft>("api", api_keys),
                              section_of<StackDraft>("etcd_store", store_keys),
                              section_of<PriceDraft>("price", price_keys),
                              section_of<StackDraft>("publish", publish_keys),
                              section_of<HaproxySpec>("haproxy", haproxy_keys)};
  for (auto& section : provider_sections()) all.push_back(std::move(section));
  for (auto& section : show_sections()) all.push_back(std::move(section));
  for (auto& section : cluster_sections()) all.push_back(std::move(section));
  return all;
}

}  // namespace utakata
