#include "fleet/stack/stack_file.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace utakata {
namespace {

std::expected<Stack, std::vector<Mistake>> parsed(
    std::string_view text, std::map<std::string, std::string> parameters = {}) {
  return parse_stack({.text = text, .folder = "/srv/show", .parameters = std::move(parameters)});
}

Stack good(std::string_view text, std::map<std::string, std::string> parameters = {}) {
  auto stack = parsed(text, std::move(parameters));
  EXPECT_TRUE(stack) << to_text(stack ? std::vector<Mistake>{} : stack.error(), "stack.yaml");
  if (stack) return *stack;
  Stack empty;  // so that the checks that follow fail instead of crashing
  empty.clusters.resize(3);
  return empty;
}

// STACK.md's example with the keys of the main job only.
constexpr std::string_view example = R"(stack: mezafes
parameters: { size: { default: 4, type: integer } }
provider: process
store: ./mezafes.db
api: { listen: 127.0.0.1:7070, advertise: 203.0.113.9, ports: 20000-29999 }

clusters:
  lobby:
    needs: [redis]
    app: ./app
    install: npm ci --omit=dev
    run: node lobby.js --rooms ${size}
    env: { REDIS_URL: "redis://${clusters.redis.host}:${clusters.redis.port}" }
    url: "ws://${host}:${port}/?t=${ticket}"
    ready: { http: /healthz, within: 10s, handshake: "/socket.io/?EIO=4&transport=websocket" }
    count: { http: /stats, field: connections, accepted: total }
    capacity: 500                  # connections one instance may hold
    accept: 50/s
    instances: { min: 2, max: 20 }
    place: least
    scale:
      - headroom: 30%
      - name: crowded
        when: avg(connections) > 400
        for: 10s
        add: 2
      - { when: avg(connections) < 100, for: 10m, remove: 1 }
    settle: 10m
    step: 25%
    drain: { deadline: none, tell: "POST /drain" }
    heal: { misses: 3, clients_wait: 45s, brake: 30% }
    limits: { memory: 512M, files: 20000 }
  redis:
    run: redis-server --port ${port} --save ''
    count: { sockets: true }
    instances: 1
  game: { run: node game.js, seats: 4 }
)";

}  // namespace

TEST(StackFile, the_whole_example_is_understood) {
  const Stack stack = good(example);
  EXPECT_EQ(stack.name, "mezafes");
  EXPECT_EQ(stack.store, "/srv/show/mezafes.db");
  EXPECT_EQ(stack.api.listen, (Listen{"127.0.0.1", 7070}));
  EXPECT_EQ(stack.api.advertise, "203.0.113.9");
  EXPECT_EQ(stack.api.ports_first, 20000);
  EXPECT_EQ(stack.api.ports_last, 29999);
  ASSERT_EQ(stack.clusters.size(), 3u);
  EXPECT_EQ(stack.clusters[0].name, "redis") << "what is needed comes first";
  const ClusterSpec& lobby = stack.clusters[1];
  EXPECT_EQ(lobby.name, "lobby");
  EXPECT_EQ(lobby.needs, std::vector<std::string>{"redis"});
  EXPECT_EQ(lobby.app, "/srv/show/app");
  EXPECT_EQ(lobby.install, "npm ci --omit=dev");
  EXPECT_EQ(lobby.run.text, "node lobby.js --rooms 4");
  ASSERT_EQ(lobby.env.size(), 1u);
  EXPECT_EQ(lobby.env[0].second.text, "redis://${clusters.redis.host}:${clusters.redis.port}");
  EXPECT_EQ(lobby.url.text, "ws://${host}:${port}/?t=${ticket}");
  EXPECT_EQ(lobby.ready, (ReadySpec{"/healthz", 10s, "/socket.io/?EIO=4&transport=websocket"}));
  EXPECT_EQ(lobby.count, (CountSpec{CountSpec::Kind::http, "/stats", "connections", "total"}));
  EXPECT_EQ(lobby.capacity, 500);
  EXPECT_EQ(lobby.accept_per_second, 50);
  EXPECT_EQ(lobby.instances_min, 2);
  EXPECT_EQ(lobby.instances_max, 20);
  EXPECT_EQ(lobby.settle, 10min);
  EXPECT_EQ(lobby.step, 0.25);
  EXPECT_EQ(lobby.drain, (DrainSpec{std::nullopt, "POST", "/drain", 10s}));
  EXPECT_EQ(lobby.heal, (HealSpec{3, 45s, 0.30}));
  EXPECT_EQ(lobby.limits, (LimitSpec{512ll << 20, 20000}));
  EXPECT_EQ(lobby.version.size(), 16u);
  EXPECT_EQ(stack.clusters[2].seats_per_key, 4);
}

TEST(StackFile, a_store_may_be_in_etcd_beside_the_file_of_this_machine) {
  const std::string clusters = "clusters: { web: { run: x } }";
  const Stack one = good("stack: a\nstore: { etcd: \"http://10.0.0.1:2379/\" }\n" + clusters);
  EXPECT_EQ(one.etcd, (EtcdSpec{.endpoints = {"http://10.0.0.1:2379"}}));
  EXPECT_EQ(one.store, "/srv/show/a.db");
  const Stack safe = good(
      "stack: a\nparameters: { member: { default: 10.0.0.2 } }\n"
      "store: { etcd: [ \"https://e:2379\", \"https://${member}\" ], ca: ca.pem, certificate: "
      "c.pem, "
      "key: /k.pem, file: ./b.db }\n" +
      clusters);
  EXPECT_EQ(safe.etcd, (EtcdSpec{.endpoints = {"https://e:2379", "https://10.0.0.2"},
                                 .ca = "/srv/show/ca.pem",
                                 .certificate = "/srv/show/c.pem",
                                 .key = "/k.pem"}));
  EXPECT_EQ(safe.store, "/srv/show/b.db");
  EXPECT_TRUE(good("stack: a\nstore: ./b.db\n" + clusters).etcd.endpoints.empty());
}

TEST(StackFile, rules_keep_their_order_and_get_names) {
  const auto rules = good(example).clusters[1].scale;
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0], (Rule{"headroom", HeadroomRule{{30, true}}}));
  EXPECT_EQ(rules[1].name, "crowded");
  EXPECT_EQ(rules[2].name, "when-3");
  const auto& crowded = std::get<WhenRule>(rules[1].kind);
  EXPECT_EQ(crowded.condition.text, "avg(connections) > 400");
  EXPECT_EQ(crowded.sustained, 10s);
  EXPECT_EQ(crowded.add, (Amount{2, false}));
  EXPECT_EQ(crowded.remove, std::nullopt);
  EXPECT_EQ(crowded.pause, 3min);
}

TEST(StackFile, little_is_enough) {
  const Stack stack = good("stack: a\nclusters:\n  web:\n    run: node server.js\n");
  EXPECT_EQ(stack.store, "/srv/show/a.db");
  const ClusterSpec& web = stack.clusters[0];
  EXPECT_EQ(web.url.text, "ws://${host}:${port}");
  EXPECT_EQ(web.count.kind, CountSpec::Kind::sockets);
  EXPECT_EQ(web.instances_min, 1);
  EXPECT_EQ(web.instances_max, 1);
  EXPECT_TRUE(web.scale.empty());
  EXPECT_EQ(web.metrics, std::vector<std::string>{"connections"});
}

TEST(StackFile, a_range_without_rules_keeps_headroom) {
  const Stack some = good("stack: a\nclusters: { w: { run: x, instances: { min: 2, max: 9 } } }");
  ASSERT_EQ(some.clusters[0].scale.size(), 1u);
  EXPECT_EQ(some.clusters[0].scale[0], (Rule{"headroom", HeadroomRule{{30, true}}}));
  EXPECT_TRUE(
      good("stack: a\nclusters: { w: { run: x, instances: { min: 2, max: 9 }, scale: [] } }")
          .clusters[0]
          .scale.empty());
}

TEST(StackFile, extras_of_a_cluster_and_of_the_api) {
  const Stack stack = good(R"(stack: a
api: { listen: "[::1]:0", certificate: tls/a.pem, key: /etc/a.key, ca: tls/ca.pem,
       origins: ["https://a.example"] }
clusters:
  w:
    run: x
    count: { prometheus: ws_connections, accepted: ws_accepted_total }
    hold: 5s
    every: 500ms
    drain: { deadline: 30s, grace: 2s }
    place: weighted
    weight: free_cpu
    accept: 600/m
    scale:
      - { when: p95(lag_ms) > 50 or max(free_cpu) < 1, add: 10%, pause: 1m }
)");
  EXPECT_EQ(stack.api.listen, (Listen{"::1", 0}));
  EXPECT_EQ(stack.api.advertise, "::1");
  EXPECT_EQ(stack.api.certificate, "/srv/show/tls/a.pem");
  EXPECT_EQ(stack.api.key, "/etc/a.key");
  EXPECT_EQ(stack.api.ca, "/srv/show/tls/ca.pem");
  EXPECT_EQ(stack.api.origins, std::vector<std::string>{"https://a.example"});
  const ClusterSpec& w = stack.clusters[0];
  EXPECT_EQ(w.count, (CountSpec{CountSpec::Kind::prometheus, "/metrics", "ws_connections",
                                "ws_accepted_total"}));
  EXPECT_EQ(w.hold, 5s);
  EXPECT_EQ(w.every, 500ms);
  EXPECT_EQ(w.drain, (DrainSpec{30s, "", "", 2s}));
  EXPECT_EQ(w.accept_per_second, 10);
  EXPECT_EQ(w.place, PlacePolicy::weighted);
  ASSERT_TRUE(w.weight_metric);
  EXPECT_EQ(w.metrics[*w.weight_metric], "free_cpu");
  EXPECT_EQ(w.metrics.size(), 3u);
  EXPECT_EQ(std::get<WhenRule>(w.scale[0].kind).pause, 1min);
}

TEST(StackFile, parameters_fill_in_values_of_every_kind) {
  const std::string_view text = R"(stack: "${name}"
parameters:
  name: { type: string }
  size: { default: 4, type: integer }
  wait: { default: 10s, type: duration }
  price: { default: "$5 ${port}" }
clusters:
  w:
    run: "x ${price} ${port} $$y"
    capacity: ${size}00
    settle: ${wait}
    install: "echo $${HOME} $PATH"
)";
  const Stack stack = good(text, {{"name", "show"}, {"size", "7"}});
  EXPECT_EQ(stack.name, "show");
  const ClusterSpec& w = stack.clusters[0];
  EXPECT_EQ(w.capacity, 700);
  EXPECT_EQ(w.settle, 10s);
  EXPECT_EQ(w.run.text, "x $$5 $${port} ${port} $$y")
      << "a value's own dollars must not be looked through again";
  EXPECT_EQ(w.install, "echo ${HOME} $PATH");
}

TEST(StackFile, a_version_changes_with_what_an_instance_cannot_change) {
  const auto version = [](std::string_view cluster) {
    return good("stack: a\nclusters:\n  w: " + std::string(cluster)).clusters[0].version;
  };
  const std::string first = version("{ run: x, env: { A: b } }");
  EXPECT_EQ(first, "036400b24c96e27e")
      << "stable over releases: an upgrade must not restart a fleet";
  for (const auto other :
       {"{ run: y, env: { A: b } }", "{ run: x, env: { A: c } }", "{ run: x, env: { B: b } }",
        "{ run: x, env: { A: b }, app: z }", "{ run: x, env: { A: b }, install: z }",
        "{ run: x, env: { A: b }, limits: { files: 99 } }"})
    EXPECT_NE(version(other), first) << other;
  EXPECT_EQ(version("{ run: x, env: { A: b }, capacity: 3, instances: 7, settle: 3s }"), first);
}

TEST(StackFile, clusters_stand_behind_what_they_need) {
  const Stack stack = good(
      "stack: a\nclusters: { c: { run: x, needs: [b] }, a: { run: x }, b: { run: x, needs: a } }");
  EXPECT_EQ(stack.clusters[0].name, "a");
  EXPECT_EQ(stack.clusters[1].name, "b");
  EXPECT_EQ(stack.clusters[2].name, "c");
}

TEST(StackFile, who_only_observes_has_no_powers_but_those_given_and_needs_no_run) {
  const std::string text = R"(
stack: a
provider: observe
clusters:
  w:
    count: { http: /s, field: n }
    observe: { command: ./instances.sh }
)";
  const auto stack = parse_stack({.text = text, .folder = "/", .parameters = {}});
  ASSERT_TRUE(stack) << to_text(stack.error(), "f");
  EXPECT_EQ(stack->provider, ProviderKind::observe);
  EXPECT_EQ(stack->powers,
            (Powers{.place = false, .launch = false, .drain = false, .heal = false}));
  EXPECT_EQ(stack->clusters[0].observe.command, "./instances.sh");
  EXPECT_EQ(stack->clusters[0].version, "observed");
  const auto placing =
      parse_stack({.text = text + "powers: [observe, place]", .folder = "/", .parameters = {}});
  ASSERT_TRUE(placing) << to_text(placing.error(), "f");
  EXPECT_EQ(placing->powers,
            (Powers{.place = true, .launch = false, .drain = false, .heal = false}));
}

TEST(StackFile, what_must_succeed_before_an_instance_serves) {
  const auto verify = [](const std::string& value) {
    return good(
               "stack: a\nparameters: { path: { default: /ok } }\nclusters:\n  game:\n    run: "
               "x\n    verify: " +
               value)
        .clusters[0]
        .verify;
  };
  EXPECT_EQ(verify("curl -fs ${url}${path} --proxy $P"),
            (VerifySpec{.command = {"curl -fs ${url}/ok --proxy $P"}}));
  EXPECT_EQ(verify("{ command: \"nc -z ${host} ${port}\", within: 2s }"),
            (VerifySpec{.command = {"nc -z ${host} ${port}"}, .within = 2s}));
}

TEST(StackFile, where_the_view_is_published) {
  const auto publish = [](const std::string& keys, std::map<std::string, std::string> given = {}) {
    return good("stack: a\nparameters: { lb: { default: 10.0.0.9 } }\npublish: { " + keys +
                    " }\nclusters: { lobby: { run: x }, game: { run: y } }",
                std::move(given))
        .publish;
  };
  EXPECT_EQ(publish("redis: redis://cache").redis, "redis://cache");
  EXPECT_FALSE(publish("redis: redis://cache").haproxy);
  EXPECT_EQ(publish("haproxy: { socket: ./admin.sock }").haproxy,
            (HaproxySpec{.socket = "/srv/show/admin.sock"}));
  EXPECT_EQ(publish("haproxy: { socket: \"${lb}:9999\", backend: web, clusters: game }").haproxy,
            (HaproxySpec{.address = {"10.0.0.9", 9999}, .backend = "web", .clusters = {"game"}}));
  EXPECT_EQ(publish("haproxy: { socket: \"[::1]:9999\", backend: \"show-${cluster}\" }").haproxy,
            (HaproxySpec{.address = {"::1", 9999}, .backend = "show-${cluster}"}));
}

TEST(StackFile, shows_powers_price_and_rules_that_look_ahead) {
  const auto stack = parse_stack({.text = R"(stack: a
powers: [observe, place]
price: { instance_hour: 0.034, currency: USD, cap_per_day: 200 }
clusters:
  lobby:
    run: x
    capacity: 500
    instances: { min: 2, max: 20 }
    scale:
      - headroom: auto
      - { function: forecast, stale: 10m }
  chat: { run: x, instances: { min: 1, max: 3 } }
shows:
  final: { at: "2026-12-31 20:00", until: "23:00", ready_by: 2h, freeze: true,
           clusters: { lobby: { connections: 8000 }, chat: { connections: 900 } } }
)",
                                  .folder = "/",
                                  .parameters = {}});
  ASSERT_TRUE(stack) << to_text(stack.error(), "a.yaml");
  EXPECT_EQ(stack->powers, (Powers{.place = true, .launch = false, .drain = false, .heal = false}));
  EXPECT_EQ(stack->price, (PriceSpec{0.034, "USD", 200}));
  const ClusterSpec& lobby = *std::ranges::find(stack->clusters, "lobby", &ClusterSpec::name);
  ASSERT_EQ(lobby.scale.size(), 3u);
  EXPECT_TRUE(std::get<HeadroomRule>(lobby.scale[0].kind).is_auto);
  EXPECT_EQ(lobby.scale[1], (Rule{"forecast", FunctionRule{"forecast", 10min}}));
  EXPECT_EQ(lobby.scale[2].name, "show final");
  const auto& show = std::get<ShowRule>(lobby.scale[2].kind);
  EXPECT_EQ(show.people, 8000);
  EXPECT_EQ(show.ready_by, 2h);
  EXPECT_TRUE(show.freeze && show.at.once && show.until);
  const ClusterSpec& chat = *std::ranges::find(stack->clusters, "chat", &ClusterSpec::name);
  ASSERT_EQ(chat.scale.size(), 2u) << "the default headroom, and the show";
  EXPECT_EQ(std::get<ShowRule>(chat.scale[1].kind).people, 900);
}

}  // namespace utakata
