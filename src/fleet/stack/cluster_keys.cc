#include "fleet/stack/cluster_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "fleet/stack/cluster_parts.h"
#include "fleet/stack/scale_keys.h"

namespace utakata {
namespace {

constexpr int instances_highest = 100'000;

struct InstancesDraft {
  std::optional<std::int64_t> min, max;
};

const Key<InstancesDraft> instances_keys[] = {
    {{"min", Mark::now, "count_from_0", "Serving instances there are at least."},
     [](Reader& r, const Yaml& y, InstancesDraft& d) {
       r.integer(y, 0, instances_highest, d.min);
     }},
    {{"max", Mark::now, "count_from_1", "Starting and serving instances there are at most."},
     [](Reader& r, const Yaml& y, InstancesDraft& d) {
       r.integer(y, 1, instances_highest, d.max);
     }},
};

// `3`, or `{ min: 2, max: 20 }`, where a missing end is the other one.
void read_instances(Reader& r, const Yaml& y, ClusterDraft& c) {
  InstancesDraft d;
  if (y.kind == Yaml::Kind::map) {
    read_map<InstancesDraft>(r, y, instances_keys, d);
  } else {
    r.integer(y, 1, instances_highest, d.min);
  }
  if (d.min && d.max && *d.min > *d.max)
    return r.mistake(y, fmt::format("`min` {} is more than `max` {}: exchange them or raise `max`.",
                                    *d.min, *d.max));
  if (d.min) c.spec.instances_min = int(*d.min);
  c.spec.instances_max = int(d.max.value_or(std::max(1, c.spec.instances_min)));
  c.spec.instances_min = std::min(c.spec.instances_min, c.spec.instances_max);
}

void read_app(Reader& r, const Yaml& y, ClusterDraft& c) {
  if (y.kind == Yaml::Kind::map)
    return r.mistake_at_key(y,
                            "`app` as an image, an archive or a repository is not yet supported by "
                            "this version: name a folder.");
  const auto text = r.text(y);
  if (!text) return;
  const auto ends = [&](std::string_view end) { return text->ends_with(end); };
  if (text->find("://") != text->npos || ends(".tar.gz") || ends(".tgz") || ends(".tar.zst") ||
      ends(".tar") || ends(".zip"))
    return r.mistake(
        y, "`app` as an archive or a URL is not yet supported by this version: name a folder.");
  r.path(y, c.spec.app);
}

bool is_variable_name(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::ranges::all_of(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; });
}

void read_env(Reader& r, const Yaml& y, ClusterDraft& c) {
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::map)
    return r.mistake_at_key(y, "`env` must be names and values, such as `LOG: debug`.");
  for (const Yaml& item : y.items) {
    if (!is_variable_name(item.key)) {
      r.mistake_at_key(
          item,
          fmt::format("{} is no name of an environment variable: use letters, digits and `_`.",
                      in_ticks(item.key)));
    } else if (item.key == "PORT" || item.key.starts_with("UTAKATA_")) {
      r.mistake_at_key(item, fmt::format("{} is given by utakata itself: choose another name, with "
                                         "`${{port}}` as its value if need be.",
                                         in_ticks(item.key)));
    } else {
      Template value;
      if (item.kind != Yaml::Kind::text || !item.text.empty()) r.read_template(item, value);
      c.spec.env.emplace_back(item.key, std::move(value));
      c.env.push_back(&item);
    }
  }
}

void read_labels(Reader& r, const Yaml& y, ClusterDraft& c) {
  if (y.kind == Yaml::Kind::refused) return;
  c.labels = &y;
  if (y.kind != Yaml::Kind::map)
    return r.mistake_at_key(y, "`labels` must be names and values, such as `team: games`.");
  for (const Yaml& item : y.items) {
    std::string value;
    if (item.kind != Yaml::Kind::text || !item.text.empty()) r.text(item, value);
    if (item.key.empty() || item.key.starts_with("utakata."))
      r.mistake_at_key(item, "Labels that begin with `utakata.` are ours: choose another name.");
    else
      c.spec.labels.emplace_back(item.key, std::move(value));
  }
}

void read_place(Reader& r, const Yaml& y, ClusterDraft& c) {
  const auto text = r.text(y);
  if (!text) return;
  c.place = &y;
  if (*text == "least")
    c.spec.place = PlacePolicy::least;
  else if (*text == "pack")
    c.spec.place = PlacePolicy::pack;
  else if (*text == "weighted")
    c.spec.place = PlacePolicy::weighted;
  else
    r.mistake(
        y, fmt::format("`place` must be `least`, `pack` or `weighted`, not {}.", in_ticks(*text)));
}

void read_spread(Reader& r, const Yaml& y, ClusterDraft& c) {
  const auto text = r.text(y);
  if (!text) return;
  if (*text == "zones")
    c.spec.spread = SpreadOver::zones;
  else if (*text == "hosts")
    c.spec.spread = SpreadOver::hosts;
  else if (*text == "none")
    c.spec.spread = SpreadOver::none;
  else
    r.mistake(y,
              fmt::format("`spread` must be `zones`, `hosts` or `none`, not {}.", in_ticks(*text)));
}

void read_weight(Reader& r, const Yaml& y, ClusterDraft& c) {
  const auto text = r.text(y);
  if (!text) return;
  c.weight = &y;
  auto& metrics = c.spec.metrics;
  const auto known = std::ranges::find(metrics, *text);
  c.spec.weight_metric = std::uint16_t(known - metrics.begin());
  if (known == metrics.end()) metrics.push_back(*text);
}

const Key<ClusterDraft> cluster_keys[] = {
    {{"needs", Mark::now, "texts", "Clusters that must serve before this one is started."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { c.needs = &y, r.texts(y, c.spec.needs); }},
    {{"app", Mark::now, "text",
      "The folder the command runs in, relative to this file; without it this file's own."},
     read_app},
    {{"install", Mark::now, "text", "A command that prepares `app`, run once for each version."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.text(y, c.spec.install); }},
    {{"run", Mark::now, "text",
      "The command of one instance, through /bin/sh -c; it listens on PORT, or where ${port} puts "
      "it. Needed unless `provider` is `observe`."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { c.run = &y, r.read_template(y, c.spec.run); }},
    {{"env", Mark::now, "env", "Further environment variables of an instance."}, read_env},
    {{"url", Mark::now, "text",
      "What clients are told: ${host}, ${port}, ${instance} and ${ticket} are filled in."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { c.url = &y, r.read_template(y, c.spec.url); }},
    {{"ready", Mark::now, "ready",
      "When an instance may be given clients; without it: as soon as it listens."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { read_ready(r, y, c.spec.ready); }},
    {{"verify", Mark::now, "verify",
      "A command on the controller's host that must succeed before a healthy instance serves; "
      "${url}, ${host}, ${port} and ${instance} are filled in."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) {
       c.verify = &y, read_verify(r, y, c.spec.verify);
     }},
    {{"count", Mark::now, "count_of_connections",
      "How connections are counted; without it by the kernel's sockets."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) {
       c.count = &y, read_count(r, y, c.spec.count);
     }},
    {{"observe", Mark::now, "observe", "Of `provider: observe`: how the instances are known."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) {
       c.observe = &y, read_observe(r, y, c.spec.observe);
     }},
    {{"owner", Mark::now, "text",
      "The controller that runs it when it is there, where several do; without it whoever is "
      "first."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.text(y, c.spec.owner); }},
    {{"capacity", Mark::now, "count_from_1", "Connections one instance may hold; 1000 by default."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) {
       r.integer(y, 1, 10'000'000, c.spec.capacity);
     }},
    {{"accept", Mark::now, "rate",
      "New clients an instance takes, such as `50/s`; without it as many as come."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.rate(y, c.spec.accept_per_second); }},
    {{"instances", Mark::now, "instances", "How many: a number, or `min` and `max`; 1 by default."},
     read_instances},
    {{"place", Mark::now, "policy", "Which instance a client gets: `least`, `pack` or `weighted`."},
     read_place},
    {{"weight", Mark::now, "text",
      "Of `place: weighted`: the number that says how much an instance should get."},
     read_weight},
    {{"spread", Mark::now, "spread_over",
      "What instances are spread over where the provider has several hosts: `zones` (and hosts "
      "within each), `hosts`, or `none`: the provider chooses; zones by default."},
     read_spread},
    {{"scale", Mark::now, "scale_list",
      "The rules; without them `headroom: 30%` where `max` is more than `min`."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { c.scale = &y, read_scale(r, y, c.spec); }},
    {{"settle", Mark::now, "duration",
      "The cluster shrinks only to the largest size wanted within this time; 10m by default."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.duration(y, 0s, 24h * 7, c.spec.settle); }},
    {{"step", Mark::now, "percentage",
      "At most this share of the instances leaves at once, at least one; 25% by default."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.share(y, c.spec.step); }},
    {{"drain", Mark::now, "drain", "How an instance is emptied before it is stopped."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { read_drain(r, y, c.spec.drain); }},
    {{"heal", Mark::now, "heal", "When an instance counts as lost."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { read_heal(r, y, c.spec.heal); }},
    {{"rebalance", Mark::now, "rebalance",
      "Whether clients move to new instances; without it they stay where they are."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { read_rebalance(r, y, c.spec.rebalance); }},
    {{"reconnects", Mark::now, "yes_or_no",
      "Clients can open a new socket before the old one closes; instances are told so."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.flag(y, c.spec.reconnects); }},
    {{"limits", Mark::now, "limits", "What one instance may use."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) {
       c.limits = &y, read_limits(r, y, c.spec.limits);
     }},
    {{"seats", Mark::now, "count_from_1",
      "Seats of a room: what all placements under one key hold together; 1 by default."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) {
       r.integer(y, 1, 1'000'000, c.spec.seats_per_key);
     }},
    {{"hold", Mark::now, "duration",
      "How long the seats of a placement are held for a client on its way; 60s by default."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.duration(y, 1s, 1h, c.spec.hold); }},
    {{"every", Mark::now, "duration", "The period of the control loop; 1s by default."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { r.duration(y, 100ms, 60s, c.spec.every); }},
    {{"image", Mark::now, "text",
      "Of containers: the image that they are made of; without it one is packed of `app` and the "
      "program of `run`."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { c.image = &y, r.text(y, c.spec.image); }},
    {{"labels", Mark::now, "env", "Of containers: further labels."}, read_labels},
    {{"secrets", Mark::now, "texts",
      "Of `provider: swarm`: its secrets that instances find in /run/secrets."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { c.secrets = &y, r.texts(y, c.spec.secrets); }},
    {{"configs", Mark::now, "texts",
      "Of `provider: swarm`: its configs that instances find in /, by their names."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) { c.configs = &y, r.texts(y, c.spec.configs); }},
    {{"lease", Mark::now, "duration",
      "An instance that no controller has reached for so long ends by itself; without it it goes "
      "on."},
     [](Reader& r, const Yaml& y, ClusterDraft& c) {
       c.lease = &y, r.duration(y, 5s, 1h, c.spec.lease.emplace());
     }},
    {{"git", Mark::later, "", ""}},
    {{"sha256", Mark::later, "", ""}},
};

}  // namespace

void read_cluster(Reader& reader, const Yaml& y, ClusterDraft& into) {
  into.at = &y;
  into.spec.name = y.key;
  reader.name(y.key_line, y.key_column, y.key, "cluster");
  read_map<ClusterDraft>(reader, y, cluster_keys, into);
}

std::vector<Section> cluster_sections() {
  auto all = part_sections();
  all.push_back(section_of<InstancesDraft>("instances_range", instances_keys));
  all.push_back(section_of<ClusterDraft>("cluster", cluster_keys));
  all.push_back(scale_section());
  return all;
}

}  // namespace utakata
