#include "fleet/stack/cluster_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "fleet/model/address.h"
#include "fleet/model/template.h"

namespace utakata {
namespace {

const Key<ReadySpec> ready_keys[] = {
    {{"http", Mark::now, "web_path",
      "Answers 2xx when the instance is ready; without it a listener is enough."},
     [](Reader& r, const Yaml& y, ReadySpec& s) { r.web_path(y, s.http); }},
    {{"within", Mark::now, "duration",
      "Later than this after its launch an instance is given up; 30s by default."},
     [](Reader& r, const Yaml& y, ReadySpec& s) { r.duration(y, 100ms, 24h, s.within); }},
    {{"handshake", Mark::now, "web_path",
      "A WebSocket handshake, made only to confirm that an instance is sick."},
     [](Reader& r, const Yaml& y, ReadySpec& s) { r.web_path(y, s.handshake); }},
};

// ${url} is known here alone, though it is no reserved name: a parameter may have it.
void read_verify_command(Reader& r, const Yaml& y, VerifySpec& s) {
  const auto [ours, is_ours] = r.parameters.try_emplace("url", std::nullopt);
  r.read_template(y, s.command);
  if (is_ours) r.parameters.erase(ours);
  for (const auto& reference : references(s.command.text))
    if (reference.name != "url" && reference.name != "host" && reference.name != "port" &&
        reference.name != "instance")
      r.mistake(y, fmt::format("`${{{}}}` has no value in `verify`: there are ${{url}}, ${{host}}, "
                               "${{port}} and ${{instance}}.",
                               reference.name));
}

const Key<VerifySpec> verify_keys[] = {
    {{"command", Mark::now, "text",
      "Through /bin/sh -c, in this file's folder; exit code 0 is success.", true},
     read_verify_command},
    {{"within", Mark::now, "duration", "It takes no longer; 10s by default."},
     [](Reader& r, const Yaml& y, VerifySpec& s) { r.duration(y, 100ms, 1h, s.within); }},
};

struct CountDraft {
  std::string http, field, prometheus, path, accepted;
  const Yaml *http_at = nullptr, *field_at = nullptr, *prometheus_at = nullptr, *path_at = nullptr,
             *accepted_at = nullptr, *sockets_at = nullptr;
};

void read_sockets(Reader& r, const Yaml& y, CountDraft& d) {
  d.sockets_at = &y;
  const auto text = r.text(y);
  if (text && *text != "true")
    r.mistake(
        y,
        fmt::format(
            "`sockets` can only be `true`, not {}: name `http` or `prometheus` to count otherwise.",
            in_ticks(*text)));
}

const Key<CountDraft> count_keys[] = {
    {{"http", Mark::now, "web_path",
      "The path that answers JSON with the number of connections in it."},
     [](Reader& r, const Yaml& y, CountDraft& d) { d.http_at = &y, r.web_path(y, d.http); }},
    {{"field", Mark::now, "text",
      "Of `http`: where in the JSON the number stands, such as `players.online`."},
     [](Reader& r, const Yaml& y, CountDraft& d) { d.field_at = &y, r.text(y, d.field); }},
    {{"prometheus", Mark::now, "text", "The metric that tells the number of connections."},
     [](Reader& r, const Yaml& y, CountDraft& d) {
       d.prometheus_at = &y, r.text(y, d.prometheus);
     }},
    {{"path", Mark::now, "web_path",
      "Of `prometheus`: where the metrics are; /metrics by default."},
     [](Reader& r, const Yaml& y, CountDraft& d) { d.path_at = &y, r.web_path(y, d.path); }},
    {{"accepted", Mark::now, "text",
      "The field or metric of clients ever accepted: confirms that a placed client has come."},
     [](Reader& r, const Yaml& y, CountDraft& d) { d.accepted_at = &y, r.text(y, d.accepted); }},
    {{"sockets", Mark::now, "only_true",
      "Counts the kernel's established connections to the instance's port."},
     read_sockets},
};

void count_check(Reader& r, const Yaml& y, const CountDraft& d) {
  if ((d.http_at != nullptr) + (d.prometheus_at != nullptr) + (d.sockets_at != nullptr) != 1)
    return r.mistake(y, "`count` needs exactly one of `http`, `prometheus` and `sockets`.");
  if (d.http_at && !d.field_at)
    r.mistake(y,
              "`count` by `http` needs `field`: where in the JSON the number stands, such as "
              "`connections`.");
  if (d.field_at && !d.http_at)
    r.mistake_at_key(*d.field_at, "`field` belongs to `http`: remove it.");
  if (d.path_at && !d.prometheus_at)
    r.mistake_at_key(*d.path_at, "`path` belongs to `prometheus`: remove it.");
  if (d.accepted_at && d.sockets_at)
    r.mistake_at_key(*d.accepted_at,
                     "`accepted` needs `http` or `prometheus`: sockets do not tell it. Remove it.");
}

void read_deadline(Reader& r, const Yaml& y, DrainSpec& s) {
  const auto text = r.text(y);
  if (text && *text == "none") {
    s.deadline.reset();
  } else if (text) {
    Duration deadline{-1};
    r.duration(y, 0s, 24h * 30, deadline);
    if (deadline >= 0s) s.deadline = deadline;
  }
}

void read_tell(Reader& r, const Yaml& y, DrainSpec& s) {
  const auto text = r.text(y);
  if (!text) return;
  const std::size_t space = text->find(' ');
  const std::string method = text->substr(0, space);
  const std::string path = space == text->npos ? "" : text->substr(space + 1);
  constexpr std::array<std::string_view, 5> methods = {"POST", "PUT", "GET", "PATCH", "DELETE"};
  if (std::ranges::find(methods, method) == methods.end() || !path.starts_with('/') ||
      path.find_first_of(" \t\r\n") != path.npos)
    return r.mistake(
        y, fmt::format("`tell` must be a method and a path such as `POST /drain`, not {}.",
                       in_ticks(*text)));
  s.tell_method = method, s.tell_path = path;
}

const Key<DrainSpec> drain_keys[] = {
    {{"deadline", Mark::now, "duration_or_none",
      "After this time the clients left are cut; `none`, the default, waits as long as it takes."},
     read_deadline},
    {{"tell", Mark::now, "method_and_path",
      "What an instance is sent when it begins to drain, such as `POST /drain`."},
     read_tell},
    {{"grace", Mark::now, "duration", "Between SIGTERM and SIGKILL; 10s by default."},
     [](Reader& r, const Yaml& y, DrainSpec& s) { r.duration(y, 0s, 1h, s.grace); }},
    {{"pace", Mark::now, "rate",
      "Of `tell`: so many clients an instance sends elsewhere; without it they leave by "
      "themselves."},
     [](Reader& r, const Yaml& y, DrainSpec& s) { r.rate(y, s.pace); }},
    {{"budget", Mark::now, "percentage",
      "Of the clients placed in 24 hours: so many may lose their place by our closing; 1% by "
      "default."},
     [](Reader& r, const Yaml& y, DrainSpec& s) { r.share(y, s.budget); }},
};

const Key<RebalanceSpec> rebalance_keys[] = {
    {{"skew", Mark::now, "percentage",
      "After a scale-out, instances so far above the mean send clients elsewhere.", true},
     [](Reader& r, const Yaml& y, RebalanceSpec& s) { r.share(y, s.skew); }},
    {{"pace", Mark::now, "rate", "So many clients in all; 10/s by default."},
     [](Reader& r, const Yaml& y, RebalanceSpec& s) { r.rate(y, s.pace); }},
};

const Key<HealSpec> heal_keys[] = {
    {{"misses", Mark::now, "count_from_1",
      "Unanswered probes in a row until a substitute is launched; one before, no new clients; 3 by "
      "default."},
     [](Reader& r, const Yaml& y, HealSpec& s) { r.integer(y, 2, 1000, s.misses); }},
    {{"clients_wait", Mark::now, "duration",
      "Silence that clients themselves sit out; 45s by default, as Socket.IO."},
     [](Reader& r, const Yaml& y, HealSpec& s) { r.duration(y, 1s, 24h, s.clients_wait); }},
    {{"brake", Mark::now, "percentage",
      "When more than this share is suspected within a minute, nothing is killed; 30% by default."},
     [](Reader& r, const Yaml& y, HealSpec& s) { r.share(y, s.brake); }},
};

const Key<LimitSpec> limit_keys[] = {
    {{"memory", Mark::now, "size", "Bytes of memory, such as `512M`."},
     [](Reader& r, const Yaml& y, LimitSpec& s) { r.bytes(y, 1024 * 1024, s.memory); }},
    {{"files", Mark::now, "count_from_1", "Open files and sockets."},
     [](Reader& r, const Yaml& y, LimitSpec& s) { r.integer(y, 16, 1'000'000'000, s.files); }},
    {{"cpus", Mark::now, "number", "Of containers: so many cores, such as 0.5."},
     [](Reader& r, const Yaml& y, LimitSpec& s) { r.number(y, 10'000, s.cpus); }},
};

void read_list(Reader& r, const Yaml& y, ObserveSpec& s) {
  r.texts(y, s.list);
  std::vector<std::string> seen;
  for (const std::string& text : s.list) {
    if (!address_from(text))
      r.mistake(y, fmt::format("`list` must hold addresses such as `10.0.0.5:3000`, not {}.",
                               in_ticks(text)));
    else if (std::ranges::find(seen, text) != seen.end())
      r.mistake(y, fmt::format("{} is in `list` twice: remove one.", in_ticks(text)));
    seen.push_back(text);
  }
}

void read_observe_url(Reader& r, const Yaml& y, ObserveSpec& s) {
  r.text(y, s.url);
  if (!s.url.empty() && !s.url.starts_with("http://") && !s.url.starts_with("https://"))
    r.mistake(y, fmt::format("`url` of `observe` must begin with http:// or https://, not {}.",
                             in_ticks(s.url)));
}

int given_of(const Yaml& y, std::initializer_list<std::string_view> names) {
  return int(std::ranges::count_if(names, [&](auto name) { return y.find(name) != nullptr; }));
}

const Key<ObservedContainers> observed_containers_keys[] = {
    {{"label", Mark::now, "text", "Those with this label: `app=game`, or `app` with any value."},
     [](Reader& r, const Yaml& y, ObservedContainers& s) { r.text(y, s.label); }},
    {{"name", Mark::now, "text", "Those of this name; `*` stands for anything, as in `game-*`."},
     [](Reader& r, const Yaml& y, ObservedContainers& s) { r.text(y, s.name); }},
    {{"image", Mark::now, "text",
      "Those of this image as `docker ps` shows it; `*` stands for anything, as in `game:*`."},
     [](Reader& r, const Yaml& y, ObservedContainers& s) { r.text(y, s.image); }},
    {{"port", Mark::now, "count_from_1",
      "The port inside; they are reached where it is published, else at a container's own address.",
      true},
     [](Reader& r, const Yaml& y, ObservedContainers& s) { r.integer(y, 1, 65535, s.port); }},
};

void read_observed_containers(Reader& r, const Yaml& y, ObserveSpec& s) {
  read_map<ObservedContainers>(r, y, observed_containers_keys, s.docker.emplace());
  if (y.kind == Yaml::Kind::map && given_of(y, {"label", "name", "image"}) != 1)
    r.mistake(y, "`docker` of `observe` needs exactly one of `label`, `name` and `image`.");
}

const Key<ObserveSpec> observe_keys[] = {
    {{"list", Mark::now, "texts", "Fixed addresses, such as 10.0.0.5:3000."}, read_list},
    {{"command", Mark::now, "text",
      "Prints them as JSON, asked every 5 s: [{\"host\": \"10.0.0.5\", \"port\": 3000, \"id\": "
      "\"i-0abc\"}]; `id` may be left out."},
     [](Reader& r, const Yaml& y, ObserveSpec& s) { r.text(y, s.command); }},
    {{"url", Mark::now, "text", "Answers the same JSON to GET, asked every 5 s."},
     read_observe_url},
    {{"docker", Mark::now, "observed_containers",
      "Running containers of the Engine that the stack's `docker` names."},
     read_observed_containers},
    {{"pm2", Mark::now, "text",
      "The name of an app of PM2: those of its processes that are online."},
     [](Reader& r, const Yaml& y, ObserveSpec& s) { r.text(y, s.pm2); }},
    {{"port", Mark::now, "count_from_1",
      "Of `pm2`: the first process' port, one more for each further (NODE_APP_INSTANCE); without "
      "it the PORT in each one's environment."},
     [](Reader& r, const Yaml& y, ObserveSpec& s) { r.integer(y, 1, 65535, s.pm2_port); }},
};

}  // namespace

void read_observe(Reader& reader, const Yaml& y, ObserveSpec& into) {
  read_map<ObserveSpec>(reader, y, observe_keys, into);
  if (y.kind != Yaml::Kind::map) return;
  if (given_of(y, {"list", "command", "url", "docker", "pm2"}) != 1)
    reader.mistake(y,
                   "`observe` needs exactly one of `list`, `command`, `url`, `docker` and `pm2`.");
  if (y.find("port") && !y.find("pm2"))
    reader.mistake(*y.find("port"),
                   "`port` of `observe` belongs to `pm2`: remove it, or put it into `docker`.");
}
void read_ready(Reader& reader, const Yaml& y, ReadySpec& into) {
  read_map<ReadySpec>(reader, y, ready_keys, into);
}
// The command, or `{ command: ..., within: ... }`.
void read_verify(Reader& reader, const Yaml& y, VerifySpec& into) {
  if (y.kind == Yaml::Kind::map)
    read_map<VerifySpec>(reader, y, verify_keys, into);
  else
    read_verify_command(reader, y, into);
}
void read_drain(Reader& reader, const Yaml& y, DrainSpec& into) {
  read_map<DrainSpec>(reader, y, drain_keys, into);
}
void read_heal(Reader& reader, const Yaml& y, HealSpec& into) {
  read_map<HealSpec>(reader, y, heal_keys, into);
}
void read_rebalance(Reader& reader, const Yaml& y, RebalanceSpec& into) {
  read_map<RebalanceSpec>(reader, y, rebalance_keys, into);
}
void read_limits(Reader& reader, const Yaml& y, LimitSpec& into) {
  read_map<LimitSpec>(reader, y, limit_keys, into);
}

void read_count(Reader& reader, const Yaml& y, CountSpec& into) {
  CountDraft d;
  read_map<CountDraft>(reader, y, count_keys, d);
  if (y.kind != Yaml::Kind::map) return;
  count_check(reader, y, d);
  if (d.http_at)
    into = {CountSpec::Kind::http, d.http, d.field, d.accepted};
  else if (d.prometheus_at)
    into = {CountSpec::Kind::prometheus, d.path.empty() ? "/metrics" : d.path, d.prometheus,
            d.accepted};
  else
    into = {};
}

std::vector<Section> part_sections() {
  return {section_of<ReadySpec>("ready", ready_keys),
          section_of<VerifySpec>("verify_command", verify_keys),
          section_of<CountDraft>("count_of_connections", count_keys),
          section_of<DrainSpec>("drain", drain_keys),
          section_of<HealSpec>("heal", heal_keys),
          section_of<RebalanceSpec>("rebalance", rebalance_keys),
          section_of<LimitSpec>("limits", limit_keys),
          section_of<ObserveSpec>("observe", observe_keys),
          section_of<ObservedContainers>("observed_containers", observed_containers_keys)};
}

}  // namespace utakata
