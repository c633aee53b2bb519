#include "realtime/tenants/tenants_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "yaml/keys.h"

namespace utakata::realtime {
namespace {

constexpr std::size_t kTenants = 10'000;

struct Draft {
  Tenant tenant;
  const Yaml* at = nullptr;
};

class TenantReader final : public YamlReader {
 public:
  explicit TenantReader(const Variables& variable) : variable_(variable) {}
  // Secrets are kept out of files: `$NAME` is that variable of the environment.
  void secret(const Yaml& y, std::string& into) {
    auto got = text(y);
    if (!got) return;
    if (got->starts_with('$')) {
      auto value = variable_(got->substr(1));
      if (!value)
        return mistake(y, fmt::format("The environment has no variable {}: set it, or write the "
                                      "value itself.",
                                      in_ticks(*got)));
      got = std::move(value);
    }
    if (got->empty()) return mistake(y, fmt::format("{} must not be empty.", called(y)));
    into = std::move(*got);
  }
  void size(const Yaml& y, std::size_t lowest, std::size_t highest, std::size_t& into) {
    std::optional<std::int64_t> got;
    integer(y, std::int64_t(lowest), std::int64_t(highest), got);
    if (got) into = std::size_t(*got);
  }
  using YamlReader::bytes;
  void bytes(const Yaml& y, std::size_t& into) {
    std::optional<std::int64_t> got;
    YamlReader::bytes(y, 1024, got);
    if (got) into = std::size_t(*got);
  }

 private:
  const Variables& variable_;
};

template <class Into>
using Key = KeyOf<Into, TenantReader>;
using R = TenantReader;

void read_slow_readers(R& r, const Yaml& y, Tenant& t) {
  constexpr std::string_view names[] = {"close", "drop_oldest", "conflate"};
  const auto got = r.text(y);
  if (!got) return;
  const auto known = std::ranges::find(names, *got);
  if (known == std::end(names))
    return r.mistake(y, fmt::format("`slow_readers` must be `close`, `drop_oldest` or `conflate`, "
                                    "not {}.",
                                    in_ticks(*got)));
  t.spec.when_slow = SlowReaders(known - names);
}

const Key<ChannelLimits> timeline_keys[] = {
    {{"messages", Mark::now, "", "How many of the last messages of each channel are kept."},
     [](R& r, const Yaml& y, ChannelLimits& c) { r.size(y, 1, 100'000, c.timeline.count); }},
    {{"age", Mark::now, "", "How long each is kept."},
     [](R& r, const Yaml& y, ChannelLimits& c) { r.duration(y, 1s, 24h, c.timeline.age); }},
    {{"bytes", Mark::now, "", "How much all of a channel's may come to."},
     [](R& r, const Yaml& y, ChannelLimits& c) { r.bytes(y, c.timeline.bytes); }},
};

void read_timelines(R& r, const Yaml& y, TenantSpec& t) {
  if (y.kind != Yaml::Kind::map) return r.flag(y, t.channels.has_timelines);
  t.channels.has_timelines = true;
  read_map<ChannelLimits>(r, y, timeline_keys, t.channels);
}

const Key<TenantSpec> limit_keys[] = {
    {{"connections", Mark::now, "", "At a time; who comes then is told 4004."},
     [](R& r, const Yaml& y, TenantSpec& t) { r.integer(y, 1, 10'000'000, t.connections_max); }},
    {{"client_events", Mark::now, "", "A second, of one client, such as 10/s."},
     [](R& r, const Yaml& y, TenantSpec& t) {
       double rate = t.client_events_per_second;
       r.rate(y, rate);
       t.client_events_per_second = std::max(1, int(rate));
     }},
    {{"event_size", Mark::now, "", "Bytes of one event's data, such as 10K."},
     [](R& r, const Yaml& y, TenantSpec& t) { r.bytes(y, t.event_data_bytes); }},
    {{"channels", Mark::now, "", "That one client may read."},
     [](R& r, const Yaml& y, TenantSpec& t) {
       r.size(y, 1, 100'000, t.channels.channels_of_client);
     }},
    {{"members", Mark::now, "", "Users of one presence channel."},
     [](R& r, const Yaml& y, TenantSpec& t) { r.size(y, 1, 100'000, t.channels.members); }},
    {{"kept_channels", Mark::now, "", "That nobody reads and that have something kept."},
     [](R& r, const Yaml& y, TenantSpec& t) {
       r.size(y, 0, 10'000'000, t.channels.kept_channels);
     }},
};

void read_kinds(R& r, const Yaml& y, WebhookSpec& hook) {
  std::vector<std::string> names;
  r.texts(y, names);
  for (const std::string& name : names) {
    if (const auto kind = webhook_kind(name)) {
      hook.kinds.push_back(*kind);
      continue;
    }
    std::vector<std::string_view> known;
    for (const auto each : webhook_kinds) known.push_back(webhook_kind_name(each));
    r.mistake(
        y, fmt::format("{} is no event of a webhook{}", in_ticks(name), did_you_mean(name, known)));
  }
}

const Key<WebhookSpec> webhook_keys[] = {
    {{"url", Mark::now, "", "Where it is POSTed to.", true},
     [](R& r, const Yaml& y, WebhookSpec& h) { r.secret(y, h.url); }},
    {{"events", Mark::now, "", "Those it is told of; all, if not given."}, read_kinds},
    {{"prefix", Mark::now, "", "Of the channels it is told of."},
     [](R& r, const Yaml& y, WebhookSpec& h) { r.text(y, h.filter_by_prefix); }},
    {{"suffix", Mark::now, "", "Of the channels it is told of."},
     [](R& r, const Yaml& y, WebhookSpec& h) { r.text(y, h.filter_by_suffix); }},
    {{"headers", Mark::now, "", "`Name: value`, sent with it."},
     [](R& r, const Yaml& y, WebhookSpec& h) { r.texts(y, h.headers); }},
};

void read_webhooks(R& r, const Yaml& y, Tenant& tenant) {
  if (y.kind != Yaml::Kind::list || y.items.size() > 20)
    return r.mistake_at_key(y, "`webhooks` must be a list of 20 at most, each with a `url`.");
  for (const Yaml& item : y.items) {
    WebhookSpec hook;
    read_map<WebhookSpec>(r, item, webhook_keys, hook);
    if (const auto fault = hook.url.empty() ? std::nullopt : webhook_fault(hook))
      r.mistake(item, fault->what);
    tenant.webhooks.push_back(std::move(hook));
  }
}

void read_redis(R& r, const Yaml& y, wire::RedisAddress& into) {
  std::string url;
  r.secret(y, url);
  if (url.empty()) return;
  if (const auto address = wire::redis_address(url))
    into = *address;
  else
    r.mistake(y, address.error().what);
}

const Key<NodeClusterSpec> node_keys[] = {
    {{"url", Mark::now, "", "redis://[user:password@]host[:port], or `$NAME`.", true},
     [](R& r, const Yaml& y, NodeClusterSpec& n) { read_redis(r, y, n.redis); }},
    {{"key", Mark::now, "", "What the adapters' option `key` says; `socket.io`, if not given."},
     [](R& r, const Yaml& y, NodeClusterSpec& n) { r.text(y, n.key); }},
};

void read_node(R& r, const Yaml& y, Tenant& tenant) {
  tenant.node.emplace();
  if (y.kind == Yaml::Kind::map)
    read_map<NodeClusterSpec>(r, y, node_keys, *tenant.node);
  else
    read_redis(r, y, tenant.node->redis);
}

const Key<Tenant> tenant_keys[] = {
    {{"id", Mark::now, "", "What the HTTP API calls it: /apps/ID.", true},
     [](R& r, const Yaml& y, Tenant& t) { r.text(y, t.spec.id); }},
    {{"key", Mark::now, "", "What its clients call it: /app/KEY.", true},
     [](R& r, const Yaml& y, Tenant& t) { r.secret(y, t.spec.key.key); }},
    {{"secret", Mark::now, "", "What its servers sign with, or `$NAME` of the environment.", true},
     [](R& r, const Yaml& y, Tenant& t) { r.secret(y, t.spec.key.secret); }},
    {{"enabled", Mark::now, "", "`false`: its clients are told 4003, and come no more."},
     [](R& r, const Yaml& y, Tenant& t) { r.flag(y, t.spec.is_enabled); }},
    {{"client_events", Mark::now, "", "Clients may send events to each other."},
     [](R& r, const Yaml& y, Tenant& t) { r.flag(y, t.spec.takes_client_events); }},
    {{"subscription_counts", Mark::now, "", "Readers are told how many they are."},
     [](R& r, const Yaml& y, Tenant& t) { r.flag(y, t.spec.tells_subscription_counts); }},
    {{"compress", Mark::now, "", "Messages, for clients that can; it costs time to save bytes."},
     [](R& r, const Yaml& y, Tenant& t) { r.flag(y, t.spec.compresses); }},
    {{"sync_hz", Mark::now, "", "How often a second changes of a sync channel go out, 1 to 60."},
     [](R& r, const Yaml& y, Tenant& t) { r.integer(y, 1, 60, t.spec.sync_hz); }},
    {{"timelines", Mark::now, "", "`true`, or `messages`, `age` and `bytes`."},
     [](R& r, const Yaml& y, Tenant& t) { read_timelines(r, y, t.spec); }},
    {{"slow_readers", Mark::now, "", "`close`, `drop_oldest` or `conflate`."}, read_slow_readers},
    {{"origins", Mark::now, "", "Web pages whose scripts may connect; all, if not given."},
     [](R& r, const Yaml& y, Tenant& t) { r.texts(y, t.spec.origins); }},
    {{"limits", Mark::now, "", "How much of it there may be."},
     [](R& r, const Yaml& y, Tenant& t) { read_map<TenantSpec>(r, y, limit_keys, t.spec); }},
    {{"node_redis", Mark::now, "", "The Redis of Node's Socket.IO servers; `url` and `key`."},
     read_node},
    {{"webhooks", Mark::now, "", "Servers that are told what happens on its channels."},
     read_webhooks},
};

// One id and one key each.
void check_alike(R& r, const std::vector<Draft>& drafts) {
  const auto compare = [&](const char* what, const auto& value_of) {
    std::map<std::string_view, const Draft*> known;
    for (const Draft& draft : drafts) {
      const auto [first, is_new] = known.emplace(value_of(draft.tenant.spec), &draft);
      if (!is_new && !first->first.empty())
        r.mistake_at_key(*draft.at, fmt::format("{} has the {} of {}: each needs its own.",
                                                in_ticks(draft.tenant.spec.name), what,
                                                in_ticks(first->second->tenant.spec.name)));
    }
  };
  compare("id", [](const TenantSpec& t) { return std::string_view(t.id); });
  compare("key", [](const TenantSpec& t) { return std::string_view(t.key.key); });
}

struct File {
  std::vector<Draft> drafts;
};

void read_apps(R& r, const Yaml& y, File& file) {
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::map || y.items.empty())
    return r.mistake_at_key(y,
                            "`apps` must hold tenants: a name with `id`, `key`, `secret` below.");
  if (y.items.size() > kTenants)
    return r.mistake_at_key(y, fmt::format("A file has at most {} tenants.", kTenants));
  for (const Yaml& item : y.items) {
    Draft draft{.at = &item};
    draft.tenant.spec.name = item.key;
    read_map<Tenant>(r, item, tenant_keys, draft.tenant);
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    };
    for (const std::string* each : {&draft.tenant.spec.id, &draft.tenant.spec.key.key})
      if (!std::ranges::all_of(*each, is_plain) || each->size() > 100)
        r.mistake_at_key(item, fmt::format("{} is part of addresses: use at most 100 of a-z, A-Z, "
                                           "0-9, `-` and `_`.",
                                           in_ticks(*each)));
    file.drafts.push_back(std::move(draft));
  }
}

const Key<File> file_keys[] = {{{"apps", Mark::now, "", "The tenants, by name.", true}, read_apps}};

}  // namespace

std::expected<std::vector<Tenant>, std::vector<Mistake>> parse_tenants(std::string_view text,
                                                                       const Variables& variable) {
  TenantReader reader(variable);
  File file;
  const auto yaml = read_yaml(text, reader.mistakes, "it needs `apps:` with a tenant below.");
  if (yaml) {
    read_map<File>(reader, *yaml, file_keys, file);
    check_alike(reader, file.drafts);
  }
  if (!reader.mistakes.empty()) {
    std::ranges::stable_sort(reader.mistakes, {}, &Mistake::line);
    return std::unexpected(std::move(reader.mistakes));
  }
  std::vector<Tenant> tenants;
  for (Draft& draft : file.drafts) tenants.push_back(std::move(draft.tenant));
  return tenants;
}

}  // namespace utakata::realtime
