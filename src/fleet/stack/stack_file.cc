#include "fleet/stack/stack_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "fleet/stack/parameters.h"
#include "fleet/stack/stack_keys.h"
#include "fleet/stack/version.h"
#include "fleet/stack/wiring.h"

namespace utakata {
namespace {

void check_cluster(Reader& r, const ClusterDraft& c) {
  if (c.spec.place == PlacePolicy::weighted && !c.weight)
    r.mistake(*c.place,
              "`place: weighted` needs `weight`: the name of a number that instances tell.");
  if (c.weight && c.spec.place != PlacePolicy::weighted)
    r.mistake_at_key(*c.weight,
                     "`weight` belongs to `place: weighted`: remove it, or change `place`.");
  if (c.spec.count.kind == CountSpec::Kind::sockets && c.spec.metrics.size() > 1)
    r.mistake_at_key(c.scale ? *c.scale : *c.weight,
                     fmt::format("The rules name {}, but sockets tell only `connections`: set "
                                 "`count` to `http` or `prometheus`.",
                                 in_ticks(c.spec.metrics[1])));
  if ((c.spec.drain.pace > 0 || c.spec.rebalance.skew > 0) && c.spec.drain.tell_path.empty())
    r.mistake(*c.at,
              "Clients can only be sent elsewhere by instances that are told to: `pace` and "
              "`rebalance` need `tell` of `drain`, such as `tell: POST /drain`.");
  if (c.spec.seats_per_key > c.spec.capacity)
    r.mistake(*c.at,
              fmt::format("`seats` {} is more than `capacity` {}: no instance could take a room.",
                          c.spec.seats_per_key, c.spec.capacity));
}

void check_observed(Reader& r, const ClusterDraft& c) {
  if (!c.observe)
    r.mistake_at_key(*c.at,
                     fmt::format("{} needs the key `observe`: with `provider: observe` it "
                                 "says where instances are, as in `observe: {{ pm2: game }}`.",
                                 in_ticks(c.spec.name)));
  if (c.verify) r.mistake_at_key(*c.verify, "What others run serves already: remove `verify`.");
  if (c.spec.count.kind == CountSpec::Kind::sockets)
    r.mistake_at_key(c.count ? *c.count : *c.at,
                     fmt::format("{}: the kernel here does not see the sockets of instances that "
                                 "others run: set `count` to `http` or `prometheus`.",
                                 in_ticks(c.spec.name)));
}

// Its port alone is looked at, wherever it is: for what clients do not come to, such as a database.
void check_uncounted(Reader& r, const ClusterDraft& c) {
  const bool is_fixed = c.spec.instances_min == c.spec.instances_max && c.spec.scale.empty();
  if (c.spec.count.kind == CountSpec::Kind::sockets && !is_fixed)
    r.mistake_at_key(c.count ? *c.count : *c.at,
                     fmt::format("{}: the kernel here does not see the sockets of a Swarm's hosts: "
                                 "set `count` to `http` or `prometheus`, or `instances` to one "
                                 "number, without `scale`.",
                                 in_ticks(c.spec.name)));
}

void check_container(Reader& r, const StackDraft& d, const ClusterDraft& c) {
  if (d.stack.provider == ProviderKind::swarm)
    check_uncounted(r, c);
  else if (!is_here(d.stack.docker.engine) && c.spec.count.kind == CountSpec::Kind::sockets)
    r.mistake_at_key(c.count ? *c.count : *c.at,
                     fmt::format("{}: the kernel here does not see the sockets of another host: "
                                 "set `count` to `http` or `prometheus`.",
                                 in_ticks(c.spec.name)));
  if (!c.image && !c.run)
    r.mistake_at_key(*c.at, fmt::format("{} needs the key `run`, the command of one instance, or "
                                        "`image`, the image that its containers are made of.",
                                        in_ticks(c.spec.name)));
  if (c.image && !c.spec.install.empty())
    r.mistake_at_key(*c.at, fmt::format("{}: an image is whole: remove `install`, and prepare the "
                                        "app when the image is built.",
                                        in_ticks(c.spec.name)));
}

void check_belongings(Reader& r, const StackDraft& d, const ClusterDraft& c) {
  if (!has_containers(d.stack.provider)) {
    constexpr auto what = "{} belongs to `provider: docker` and `swarm`: remove it.";
    if (c.image) r.mistake_at_key(*c.image, fmt::format(what, "`image`"));
    if (c.labels) r.mistake_at_key(*c.labels, fmt::format(what, "`labels`"));
    if (c.spec.limits.cpus) r.mistake(*c.limits, fmt::format(what, "`cpus` of `limits`"));
  }
  if (d.stack.provider != ProviderKind::swarm) {
    if (c.secrets) r.mistake_at_key(*c.secrets, "`secrets` belongs to `provider: swarm`.");
    if (c.configs) r.mistake_at_key(*c.configs, "`configs` belongs to `provider: swarm`.");
  }
  if (c.lease && d.stack.provider == ProviderKind::observe)
    r.mistake_at_key(*c.lease, "What others run is lent no time: remove `lease`.");
  if (c.lease && c.spec.lease && *c.spec.lease >= 5s && *c.spec.lease < 5 * c.spec.every)
    r.mistake(*c.lease,
              fmt::format("`lease` must be at least five times `every`, which is {}: it is lent "
                          "anew three times while it lasts.",
                          to_text(c.spec.every)));
}

// Who launches nothing may not be told to.
void check_provider(Reader& r, StackDraft& d) {
  const bool is_observing = d.stack.provider == ProviderKind::observe;
  for (const auto& c : d.clusters) {
    if (c.at->kind != Yaml::Kind::map) continue;  // noted already
    check_belongings(r, d, c);
    if (is_observing)
      check_observed(r, c);
    else if (c.observe)
      r.mistake_at_key(*c.observe, "`observe` belongs to `provider: observe`: remove it.");
    else if (has_containers(d.stack.provider))
      check_container(r, d, c);
    else if (!c.run)
      r.mistake_at_key(*c.at,
                       fmt::format("{} needs the key `run`: the command of one instance, through "
                                   "/bin/sh -c.",
                                   in_ticks(c.spec.name)));
  }
  const bool has_engine = d.stack.provider == ProviderKind::docker ||
                          std::ranges::any_of(d.clusters, [](const auto& c) {
                            return c.spec.observe.docker.has_value();
                          });
  if (d.docker && !has_engine)
    r.mistake_at_key(*d.docker, "`docker` belongs to `provider: docker`: remove it.");
  if (!is_observing) return;
  Powers& powers = d.stack.powers;
  if (!d.powers)
    powers = {.place = false, .launch = false, .drain = false, .heal = false};
  else if (powers.launch || powers.drain || powers.heal)
    r.mistake(*d.powers,
              "With `provider: observe` nothing can be launched, drained or healed: `powers` may "
              "only be of `observe` and `place`.");
}

// Which clusters it is told of, and that each has a backend.
void check_haproxy(Reader& r, const StackDraft& d) {
  if (!d.haproxy || d.haproxy->kind != Yaml::Kind::map) return;
  const HaproxySpec& haproxy = *d.stack.publish.haproxy;
  std::vector<std::string_view> names;
  for (const auto& c : d.clusters) names.push_back(c.spec.name);
  for (const auto& name : haproxy.clusters)
    if (std::ranges::find(names, name) == names.end()) {
      const auto guess = did_you_mean(name, names);
      r.mistake(*d.haproxy->find("clusters"),
                fmt::format("{} is no cluster of this stack{}", in_ticks(name),
                            guess.empty() ? "." : guess));
    }
  const auto told = haproxy.clusters.empty() ? names.size() : haproxy.clusters.size();
  if (told > 1 && haproxy.backend.find("${cluster}") == std::string::npos)
    r.mistake_at_key(*d.haproxy->find("backend"),
                     fmt::format("{} would hold the instances of {} clusters, and mix their "
                                 "clients: write ${{cluster}} in `backend`, or name one cluster in "
                                 "`clusters`.",
                                 in_ticks(haproxy.backend), told));
}

void check_ports(Reader& r, const StackDraft& d) {
  if (d.stack.provider == ProviderKind::observe) return;  // it gives none
  const ApiSpec& api = d.stack.api;
  if (d.api && api.listen.port >= api.ports_first && api.listen.port <= api.ports_last)
    r.mistake(*d.api, fmt::format("`listen` takes port {}, which lies in the instances' `ports` "
                                  "{}-{}: choose another.",
                                  api.listen.port, api.ports_first, api.ports_last));
  long long wanted = 0;
  for (const auto& c : d.clusters) wanted += c.spec.instances_max;
  const long long there = d.stack.api.ports_last - d.stack.api.ports_first + 1;
  if (wanted <= there) return;  // with few to spare substitutes wait for one: advice.cc
  const std::string what =
      fmt::format("The clusters may need {} (every `max`), `ports` has {}: widen it.",
                  plural(wanted, "port"), there);
  d.api ? r.mistake(*d.api, what) : r.mistake(1, 1, what);
}

}  // namespace

void complete_stack(Stack& stack) {
  if (stack.store.empty())
    stack.store =
        (std::filesystem::path(stack.folder) / (stack.name + ".db")).lexically_normal().string();
  for (auto& cluster : stack.clusters) {
    if (cluster.url.text.empty()) cluster.url.text = "ws://${host}:${port}";
    cluster.version = stack.provider == ProviderKind::observe ? "observed" : version_of(cluster);
  }
}

std::expected<Stack, std::vector<Mistake>> parse_stack(const ParseInput& input) {
  Reader reader(input.folder, input.zone_of, input.zone_names);
  const auto root =
      read_yaml(input.text, reader.mistakes, "it needs at least `stack: NAME` and `clusters:`.");
  if (!root) return std::unexpected(std::move(reader.mistakes));
  read_parameters(reader, root->find("parameters"), input.parameters);
  StackDraft draft;
  draft.stack.folder = input.folder;
  read_stack(reader, *root, draft);
  for (auto& cluster : draft.clusters) {
    if (!cluster.scale && cluster.spec.instances_max > cluster.spec.instances_min)
      cluster.spec.scale = {{"headroom", HeadroomRule{{30, true}}}};
    check_cluster(reader, cluster);
  }
  add_shows(reader, draft.shows, draft.clusters);
  check_wiring(reader, draft.clusters);
  check_provider(reader, draft);
  check_ports(reader, draft);
  check_haproxy(reader, draft);
  if (!reader.mistakes.empty()) {
    std::ranges::stable_sort(reader.mistakes, {},
                             [](const Mistake& m) { return std::tuple(m.line, m.column); });
    if (reader.mistakes.size() > Reader::mistakes_max) reader.mistakes.resize(Reader::mistakes_max);
    return std::unexpected(std::move(reader.mistakes));
  }
  Stack stack = std::move(draft.stack);
  const std::string& host = stack.api.listen.host;
  if (!draft.is_advertise_given && host != "0.0.0.0" && host != "::") stack.api.advertise = host;
  std::vector<ClusterSpec> clusters;
  for (auto& cluster : draft.clusters) clusters.push_back(std::move(cluster.spec));
  stack.clusters = in_order_of_needs(std::move(clusters));
  complete_stack(stack);
  return stack;
}

std::string to_text(const std::vector<Mistake>& mistakes, std::string_view file) {
  std::string out;
  for (const auto& [line, column, what] : mistakes)
    out += line == 0 ? fmt::format("{}\n", what)
                     : fmt::format("{}:{}:{}: {}\n", file, line, column, what);
  return out;
}

}  // namespace utakata
