#include "realtime/tenants/tenants_file.h"

#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

std::optional<std::string> variable(const std::string& name) {
  return name == "SHOW_SECRET" ? std::optional<std::string>("between us") : std::nullopt;
}

TEST(TenantsFile, a_tenant_has_defaults_and_takes_what_it_is_given) {
  const auto tenants = parse_tenants(R"(apps:
  plain: { id: 1, key: plain, secret: quiet }
  show:
    id: 2
    key: show
    secret: $SHOW_SECRET
    client_events: true
    subscription_counts: true
    compress: true
    sync_hz: 30
    timelines: { messages: 20, age: 30s }
    origins: [ "https://show.example.com" ]
    webhooks:
      - url: "http://127.0.0.1:1/hook"
        events: [ channel_occupied, channel_vacated ]
        prefix: room-
    limits: { connections: 5, client_events: 600/m, event_size: 20K, channels: 3, members: 2 }
)",
                                     variable);
  ASSERT_TRUE(tenants) << tenants.error()[0].what;
  ASSERT_EQ(tenants->size(), 2u);
  EXPECT_EQ((*tenants)[0].spec.name, "plain");
  EXPECT_FALSE((*tenants)[0].spec.takes_client_events);
  EXPECT_FALSE((*tenants)[0].spec.channels.has_timelines);
  const TenantSpec& show = (*tenants)[1].spec;
  const WebhookSpec& hook = (*tenants)[1].webhooks.at(0);
  EXPECT_EQ(hook.url, "http://127.0.0.1:1/hook");
  EXPECT_EQ(hook.kinds.size(), 2u);
  EXPECT_EQ(hook.filter_by_prefix, "room-");
  EXPECT_EQ(show.key.secret, "between us");
  EXPECT_TRUE(show.takes_client_events && show.tells_subscription_counts && show.is_enabled);
  EXPECT_TRUE(show.compresses && !(*tenants)[0].spec.compresses);
  EXPECT_EQ(show.sync_hz, 30);
  EXPECT_EQ(show.channels.timeline.count, 20u);
  EXPECT_EQ(show.channels.timeline.age, 30s);
  EXPECT_TRUE(show.channels.has_timelines);
  EXPECT_EQ(show.origins, std::vector<std::string>{"https://show.example.com"});
  EXPECT_EQ(show.connections_max, 5);
  EXPECT_EQ(show.client_events_per_second, 10);
  EXPECT_EQ(show.event_data_bytes, 20u * 1024);
  EXPECT_EQ(show.channels.channels_of_client, 3u);
  EXPECT_EQ(show.channels.members, 2u);
}

TEST(TenantsFile, its_mistakes_are_told_all_at_once_with_their_places) {
  const struct {
    const char *text, *said;
  } rows[] = {
      {"", "it needs `apps:`"},
      {"apps: []", "`apps` must hold tenants"},
      {"apps: { a: { id: 1, key: k } }", "`a` needs the key `secret`"},
      {"apps: { a: { id: 1, key: k, secret: $NONE } }", "no variable `$NONE`"},
      {"apps: { a: { id: 1, key: k, secret: s, client_event: true } }",
       "did you mean `client_events`?"},
      {"apps: { a: { id: 1/2, key: k, secret: s } }", "`1/2` is part of addresses"},
      {"apps:\n  a: { id: 1, key: k, secret: s }\n  b: { id: 1, key: l, secret: s }",
       "`b` has the id of `a`"},
      {"apps:\n  a: { id: 1, key: k, secret: s }\n  b: { id: 2, key: k, secret: s }",
       "`b` has the key of `a`"},
      {"apps: { a: { id: 1, key: k, secret: s, webhooks: [ { url: ftp://x } ] } }", "http"},
      {"apps: { a: { id: 1, key: k, secret: s, webhooks: [ { url: http://x/, events: occupied } ] "
       "} }",
       "`occupied` is no event of a webhook"},
      {"apps: { a: { id: 1, key: k, secret: s, node_redis: \"http://x\" } }",
       "redis://[user:password@]"},
      {"apps: { a: { id: 1, key: k, secret: s, node_redis: { key: x } } }", "needs the key `url`"},
      {"apps: { a: { id: 1, key: k, secret: s, limits: { connections: 0 } } }",
       "`connections` must be a whole number from 1"},
  };
  for (const auto& row : rows) {
    const auto tenants = parse_tenants(row.text, variable);
    ASSERT_FALSE(tenants) << row.text;
    EXPECT_NE(tenants.error().front().what.find(row.said), std::string::npos)
        << row.text << "\n"
        << tenants.error().front().what;
  }
}

TEST(TenantsFile, a_tenant_may_join_servers_of_node) {
  const auto tenants = parse_tenants(
      "apps:\n"
      "  a: { id: 1, key: k, secret: s, node_redis: \"redis://:hush@10.0.0.1:7000\" }\n"
      "  b: { id: 2, key: l, secret: s, node_redis: { url: $REDIS, key: game } }\n"
      "  c: { id: 3, key: m, secret: s }\n",
      [](const std::string& name) {
        return name == "REDIS" ? std::optional<std::string>("redis://there") : std::nullopt;
      });
  ASSERT_TRUE(tenants);
  EXPECT_EQ((*tenants)[0].node,
            (NodeClusterSpec{{.host = "10.0.0.1", .port = 7000, .password = "hush"}, "socket.io"}));
  EXPECT_EQ((*tenants)[1].node, (NodeClusterSpec{{.host = "there"}, "game"}));
  EXPECT_EQ((*tenants)[2].node, std::nullopt);
}

}  // namespace
}  // namespace utakata::realtime
