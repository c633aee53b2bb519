// What is said about files that are wrong: place and remedy, all at once.
#include <gtest/gtest.h>

#include "fleet/stack/stack_file.h"

namespace utakata {
namespace {

std::optional<Zone> tokyo_only(std::string_view name) {
  return name == "Asia/Tokyo" ? std::optional(Zone{.name = std::string(name), .periods = {{}}})
                              : std::nullopt;
}

std::vector<std::string> zone_names() { return {"Europe/Berlin", "Asia/Tokyo", "UTC"}; }

std::vector<Mistake> mistakes_of(std::string_view text,
                                 std::map<std::string, std::string> parameters = {}) {
  auto stack = parse_stack({.text = text,
                            .folder = "/srv",
                            .parameters = std::move(parameters),
                            .zone_of = tokyo_only,
                            .zone_names = zone_names});
  return stack ? std::vector<Mistake>{} : stack.error();
}

// "3:5 part of the sentence" for each mistake, in order.
struct Row {
  std::string text;
  std::vector<std::string> said;
};

void expect_said(const Row& row, std::map<std::string, std::string> parameters = {}) {
  const auto mistakes = mistakes_of(row.text, std::move(parameters));
  ASSERT_EQ(mistakes.size(), row.said.size()) << row.text << "\n" << to_text(mistakes, "f");
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    const std::size_t space = row.said[i].find(' ');
    const std::string place =
        std::to_string(mistakes[i].line) + ":" + std::to_string(mistakes[i].column);
    EXPECT_EQ(place, row.said[i].substr(0, space)) << row.text << "\n" << mistakes[i].what;
    EXPECT_NE(mistakes[i].what.find(row.said[i].substr(space + 1)), std::string::npos)
        << row.text << "\n"
        << mistakes[i].what;
  }
}

// One cluster with these keys, indented by four; they begin on line 4.
std::string cluster(std::string_view keys) {
  std::string text = "stack: a\nclusters:\n  w:\n    ";
  for (const char c : keys) text += c == '\n' ? "\n    " : std::string(1, c);
  return text;
}

}  // namespace

TEST(Mistakes, of_the_text_as_such) {
  const Row rows[] = {
      {"", {"1:1 The file is empty"}},
      {"- a", {"1:1 must be keys and values"}},
      {"stack: [", {"1:1 This is not YAML"}},
      {"stack: a\nclusters:\n\t- b", {"3:2 This is not YAML"}},
      {"stack: a\nclusters: { w: { run: x } }\n---\nb: c", {"4:1 A second document"}},
      {"stack: &x a\nstore: *x\nclusters: { w: { run: x } }", {"2:8 Aliases"}},
      {"stack: a\nstack: b\nclusters: { w: { run: x } }",
       {"2:1 stands twice here, first on line 1"}},
      {"stack: a\n? [k]\n: v\nclusters: { w: { run: x } }", {"2:3 A key must be plain text"}},
      {"{}", {"1:1 needs the key `stack`", "1:1 needs the key `clusters`"}},
      {"stack: a\nclusters:", {"2:1 at least one cluster"}},
      {"stack: a\nclusters: {}", {"2:1 at least one cluster"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_the_provider) {
  const std::string rest = "\nclusters: { w: { run: x } }";
  const Row rows[] = {
      {"stack: a\nprovider: docker\nclusters: { w: { capacity: 5 } }",
       {"3:13 `w` needs the key `run`"}},
      {"stack: a\nprovider: docker\ndocker: { network: mesh }\nclusters: { w: { image: x } }",
       {"3:20 `network` must be `host` or `published`"}},
      {"stack: a\nprovider: docker\ndocker: { network: published }\n"
       "clusters: { w: { image: x, install: y, count: { sockets: true } } }",
       {"4:13 remove `install`"}},
      {"stack: a\nprovider: { docker: { host: \"tcp://10.0.0.5:2376\", key: k } }\n"
       "clusters: { w: { image: x } }",
       {"2:21 `certificate` and `key` belong together", "3:13 the sockets of another host"}},
      {"stack: a\nprovider: { docker: { host: 10.0.0.5, ca: c } }\nclusters: { w: { image: x } }",
       {"2:21 are for an Engine at a `host`", "2:29 `host` must be such as `tcp://"}},
      {"stack: a\nclusters: { w: { run: x, labels: { a: b }, limits: { cpus: 1 } } }",
       {"2:26 `labels` belongs to", "2:52 `cpus` of `limits` belongs to"}},
      {"stack: a\nprovider: docker\n"
       "clusters: { w: { run: x, labels: { utakata.stack: b }, limits: { cpus: -1 } } }",
       {"3:36 are ours", "3:72 above 0"}},
      {"stack: a\nprovider: swarm\nclusters: { w: { run: x, instances: { min: 1, max: 3 } } }",
       {"3:13 does not see the sockets of a Swarm's hosts"}},
      {"stack: a\nprovider: { swarm: { hosts: { web-1: 10.0.0.5 }, key: k } }\n"
       "clusters: { w: { image: x, instances: 2, lease: 2s } }",
       {"2:20 `certificate` and `key` belong together", "2:38 `web-1` must be such as `tcp://",
        "3:49 must be a time from 5s"}},
      {"stack: a\nclusters: { w: { run: x, secrets: [s], configs: [c], lease: 5s, every: 2s } }",
       {"2:26 `secrets` belongs to", "2:40 `configs` belongs to", "2:61 at least five times"}},
      {"stack: a\nprovider: { process: {} }" + rest, {"2:11 As a block `provider` holds one"}},
      {"stack: a\nprovider: { docker: {} }\ndocker: {}" + rest, {"3:9 described twice"}},
      {"stack: a\ndocker: { socket: /s }\nclusters: { w: { run: x, image: y } }",
       {"2:1 `docker` belongs to `provider: docker`", "3:26 `image` belongs to"}},
      {"stack: a\nprovider: magic" + rest, {"2:11 is no provider"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_the_stack) {
  const std::string rest = "\nclusters: { w: { run: x } }";
  const Row rows[] = {
      {"stak: a" + rest, {"1:1 did you mean `stack`?", "1:1 needs the key `stack`"}},
      {"stack: My_Show" + rest, {"1:8 is no name for a stack"}},
      {"stack: a\nprovider: ec2" + rest, {"2:11 `provider: ec2` is not yet supported"}},
      {"stack: a\nstore: etcd://10.0.0.5:2379" + rest, {"2:8 is written `store: { etcd: ["}},
      {"stack: a\nstore: [x]" + rest, {"2:8 must be one value, not a list"}},
      {"stack: a\nstore: {}" + rest, {"2:1 needs the key `etcd`"}},
      {"stack: a\nstore: { etcd: [] }" + rest, {"2:16 at least one member"}},
      {"stack: a\nstore: { etcd: [ 10.0.0.1:2379, \"http://a/v3\" ], fil: x }" + rest,
       {"2:18 such as `http://10.0.0.1:2379`, not `10.0.0.1:2379`", "2:33 not `http://a/v3`",
        "2:50 did you mean `file`?"}},
      {"stack: a\nstore: { etcd: [ \"http://a:1\", \"http://a:1/\" ] }" + rest,
       {"2:32 `http://a:1` stands twice"}},
      {"stack: a\nstore: { etcd: [ \"https://a\" ], key: k }" + rest,
       {"2:8 `certificate` and `key` belong together"}},
      {"stack: a\nstore: { etcd: [ \"http://a\" ], ca: c }" + rest, {"2:8 at https://"}},
      {"stack: a\napi: { ca: ca.pem }" + rest, {"2:6 give their `certificate` and `key`, too"}},
      {"stack: a\napi: { listen: 7070 }" + rest, {"2:16 `listen` must be an address and a port"}},
      {"stack: a\napi: { listen: 127.0.0.1:70700 }" + rest, {"2:16 `listen` must be"}},
      {"stack: a\napi: { ports: 5-1 }" + rest, {"2:15 `ports` must be a range"}},
      {"stack: a\napi: { ports: 7000-8000 }" + rest, {"2:6 takes port 7070, which lies in"}},
      {"stack: a\napi: { ports: 7000-7000, listen: 127.0.0.1:1 }\n"
       "clusters: { w: { run: x, instances: 2 } }",
       {"2:6 may need 2 ports"}},
      {"stack: a\napi: { key: x }" + rest, {"2:6 belong together"}},
      {"stack: a\napi: { advertise: http://x }" + rest, {"2:19 without a scheme"}},
      {"stack: a\npowers: [observe]\nshows: {}\nprice: {}\nnotify: []" + rest,
       {"4:1 needs the key `instance_hour`", "4:1 needs the key `currency`",
        "5:1 `notify` is not yet"}},
      {"stack: a\npowers: [observe, kill, drian]" + rest,
       {"2:9 `kill` is no power. There are observe, place", "2:9 did you mean `drain`?"}},
      {"stack: a\nprice: { instance_hour: -1, currency: USD, cap_per_day: x }" + rest,
       {"2:25 must be a number above 0", "2:57 must be a number above 0"}},
      {"stack: a\nshows: { f: { at: 2026-12-31 20:00, clusters: { b: { connections: 5 } } } }" +
           rest,
       {"2:13 exactly one of `until` and `for`", "2:49 is no cluster here"}},
      {"stack: a\nshows: { f: { at: Sat 20:00, for: 2h, zone: Asia/Tokio, freeze: maybe, "
       "clusters: { w: { connections: 0 } } } }" +
           rest,
       {"2:45 must be a time zone", "2:65 `freeze` must be `true` or `false`",
        "2:102 `connections` must be"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_what_must_succeed_first) {
  const Row rows[] = {
      {cluster("run: x\nverify: curl ${ulr}"), {"5:13 `${ulr}` is not known here"}},
      {cluster("run: x\nverify: curl ${ticket}"), {"5:13 `${ticket}` has no value in `verify`"}},
      {cluster("run: x\nverify: { within: 5s }"), {"5:5 needs the key `command`"}},
      {cluster("run: x\nverify: { command: x, within: 0s }"), {"5:35 `within` must be"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_where_the_view_is_published) {
  const auto haproxy = [](const std::string& keys) {
    return "stack: a\npublish: { haproxy: { " + keys +
           " } }\nclusters: { lobby: { run: x }, game: { run: x } }";
  };
  const Row rows[] = {
      {haproxy("backend: \"${cluster}\""), {"2:12 needs the key `socket`"}},
      {haproxy("socket: admin"), {"2:31 `socket` must be a path such as"}},
      {haproxy("socket: 127.0.0.1:0"), {"2:31 `socket` must be a path such as"}},
      {haproxy("socket: /" + std::string(107, 'x')), {"2:31 at most 107 letters"}},
      {haproxy("socket: ./s, backend: game"), {"2:36 the instances of 2 clusters"}},
      {haproxy("socket: ./s, backend: a b"), {"2:45 must be the name of a backend"}},
      {haproxy("socket: ./s, backend: \"${clustr}\""), {"2:45 `${clustr}` is not known here"}},
      {haproxy("socket: ./s, clusters: [lobby, gam]"), {"2:46 did you mean `game`?"}},
      {"stack: a\npublish: { redis: cache }\nclusters: { w: { run: x } }",
       {"2:19 does not begin with redis://"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_who_only_observes) {
  const std::string head = "stack: a\nprovider: observe\n";
  const std::string count = "count: { http: /s, field: n }";
  const auto observe = [&](const std::string& text) {
    return head + "clusters: { w: { " + count + ", observe: { " + text + " } } }";
  };
  const Row rows[] = {
      {head + "clusters: { w: { } }",
       {"3:13 needs the key `observe`", "3:13 set `count` to `http` or `prometheus`"}},
      {head + "clusters: { w: { count: { sockets: true }, observe: { list: [a:1] } } }",
       {"3:18 the kernel here does not see the sockets"}},
      {observe(""), {"3:58 needs exactly one of `list`, `command`, `url`, `docker` and `pm2`"}},
      {observe("docker: { port: 3000 }"),
       {"3:68 needs exactly one of `label`, `name` and `image`"}},
      {observe("docker: { name: a, image: b, port: 3000 }"), {"3:68 needs exactly one of `label`"}},
      {observe("docker: { label: app=game }"), {"3:60 needs the key `port`"}},
      {observe("docker: { label: app=game, port: 70000 }"), {"3:93 must be a whole number"}},
      {observe("docker: app=game"), {"3:68 must be keys and values"}},
      {observe("list: [a:1], port: 3000"), {"3:79 `port` of `observe` belongs to `pm2`"}},
      {observe("pm2: game, port: 0"), {"3:77 must be a whole number"}},
      {observe("pm2: game, list: [a:1]"), {"3:58 needs exactly one"}},
      {"docker: { host: \"tcp://10.0.0.5:2375\" }\n" + observe("list: [a:1]"),
       {"1:1 `docker` belongs to `provider: docker`"}},
      {observe("list: [a:1], command: x"), {"3:58 needs exactly one"}},
      {observe("list: [a]"), {"3:66 must hold addresses such as `10.0.0.5:3000`, not `a`"}},
      {observe("list: [a:1, a:1]"), {"3:66 `a:1` is in `list` twice"}},
      {observe("url: ftp://x"), {"3:65 must begin with http:// or https://"}},
      {head + "clusters: { w: { " + count + ", verify: x, observe: { list: [a:1] } } }",
       {"3:49 What others run serves already"}},
      {"powers: [observe, launch]\n" + observe("list: [a:1]"),
       {"1:9 `powers` may only be of `observe` and `place`"}},
      {"stack: a\nclusters: { w: { run: x, observe: { list: [a:1] } } }",
       {"2:26 `observe` belongs to `provider: observe`"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_a_cluster) {
  const Row rows[] = {
      {cluster("rnu: x"), {"3:3 needs the key `run`", "4:5 did you mean `run`?"}},
      {"stack: a\nclusters: { Web: { run: x } }", {"2:13 is no name for a cluster"}},
      {"stack: a\nclusters: { web: }", {"2:13 must be keys and values"}},
      {cluster("run: x\ncapacity: many"),
       {"5:15 `capacity` must be a whole number from 1 to 10000000, not `many`"}},
      {cluster("run: x\ncapacity: 1.5"), {"5:15 whole number"}},
      {cluster("run: x\ncapacity: 0"), {"5:15 whole number"}},
      {cluster("run: x\ncapacity: [1]"), {"5:15 one value, not a list"}},
      {cluster("run: x\ncapacity:"), {"5:5 has no value"}},
      {cluster("run: x\ncapacity: 3\nseats: 4"), {"4:5 `seats` 4 is more than `capacity` 3"}},
      {cluster("run: x\ninstances: { min: 5, max: 2 }"), {"5:16 `min` 5 is more than `max` 2"}},
      {cluster("run: x\ninstances: { min: -1, max: 0 }"), {"5:23 from 0 to", "5:32 from 1 to"}},
      {cluster("run: x\nsettle: 10"), {"5:13 must be a time such as"}},
      {cluster("run: x\nevery: 1ms"), {"5:12 from 100ms to 1m"}},
      {cluster("run: x\nstep: 25"), {"5:11 percentage above 0"}},
      {cluster("run: x\nstep: 0%"), {"5:11 percentage above 0"}},
      {cluster("run: x\nstep: 101%"), {"5:11 percentage above 0"}},
      {cluster("run: x\naccept: 50"), {"5:13 a rate such as"}},
      {cluster("run: x\naccept: nan/s"), {"5:13 a rate such as"}},
      {cluster("run: x\nplace: best"), {"5:12 `least`, `pack` or `weighted`"}},
      {cluster("run: x\nplace: weighted"), {"5:12 needs `weight`"}},
      {cluster("run: x\nspread: racks"), {"5:13 `zones`, `hosts` or `none`"}},
      {cluster("run: x\nweight: cpu"),
       {"5:5 belongs to `place: weighted`", "5:5 sockets tell only"}},
      {cluster("run: x\nlimits: { memory: 1K, files: 3 }"),
       {"5:23 at least 1M", "5:34 from 16 to"}},
      {cluster("run: x\nready: { http: healthz, within: 0s }"),
       {"5:20 begins with `/`", "5:37 from 100ms"}},
      {cluster("run: x\nheal: { misses: 1 }"), {"5:21 from 2 to"}},
      {cluster("run: x\ndrain: { tell: /drain, pace: 50/s, deadline: soon }"),
       {"4:5 `pace` and `rebalance` need `tell`", "5:20 a method and a path",
        "5:50 must be a time"}},
      {cluster("run: x\nenv: { PORT: 1, 9A: 2, UTAKATA_X: 3, OK: 4 }"),
       {"5:12 given by utakata itself", "5:21 no name of an environment",
        "5:28 given by utakata itself"}},
      {cluster("run: x\napp: https://a.example/app.tgz"), {"5:10 archive or a URL is not yet"}},
      {cluster("run: x\napp: { image: a }"), {"5:5 is not yet supported"}},
      {cluster("run: x\ngit: a\nworkers: 3"),
       {"5:5 `git` is not yet", "6:5 `workers` is not a key here: known are"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_counting) {
  const Row rows[] = {
      {cluster("run: x\ncount: { sockets: no }"), {"5:23 can only be `true`"}},
      {cluster("run: x\ncount: { http: /s }"), {"5:12 needs `field`"}},
      {cluster("run: x\ncount: { http: /s, field: a, sockets: true }"), {"5:12 exactly one of"}},
      {cluster("run: x\ncount: {}"), {"5:12 exactly one of"}},
      {cluster("run: x\ncount: { sockets: true, accepted: a, path: /x, field: b }"),
       {"5:29 sockets do not tell it", "5:42 belongs to `prometheus`", "5:52 belongs to `http`"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_rules) {
  const Row rows[] = {
      {cluster("run: x\nscale: { headroom: 3 }"), {"5:5 must be a list of rules"}},
      {cluster("run: x\nscale:\n- headroom: automatic"), {"6:17 must be a percentage"}},
      {cluster("run: x\nscale:\n- headroom: some"), {"6:17 a percentage such as"}},
      {cluster("run: x\nscale:\n- headroom: 3\n  add: 2"), {"7:7 belongs to `when`"}},
      {cluster("run: x\nscale:\n- name: x"),
       {"6:7 exactly one of `headroom`, `target`, `when`, `to`, `at` and `function`"}},
      {cluster("run: x\nscale:\n- when: avg(connections) > 4"),
       {"6:7 exactly one of `add`, `remove` and `to`"}},
      {cluster("run: x\nscale:\n- { when: avg(connections) > 4, add: 1, remove: 1 }"),
       {"6:7 exactly one of `add`"}},
      {cluster("run: x\nscale:\n- { when: avg(cpu) > 4, add: 1 }"),
       {"5:5 sockets tell only `connections`"}},
      {cluster("run: x\nscale:\n- { when: connections > 4, add: 1 }"), {"6:15 In `when`: "}},
      {cluster("run: x\nscale:\n- { when: \"4 < connections\", add: 1 }"), {"6:20 In `when`: "}},
      {cluster("run: x\nscale:\n- { at: \"Sat 18:30\", zone: Asia/Tokio, until: \"Sat 21:30\", "
               "min: 10 }"),
       {"6:32 a time zone that this host knows, such as `Asia/Tokyo` or `UTC`, not `Asia/Tokio`, "
        "did you mean `Asia/Tokyo`?"}},
      {cluster("run: x\nscale:\n- { at: \"Sat 18:30\", zone: tokyo, for: 3h, min: 10 }"),
       {"6:32 did you mean `Asia/Tokyo`?"}},
      {cluster("run: x\nscale:\n- { at: \"Sat 18:30\", zone: Mars, for: 3h, min: 10 }"),
       {"6:32 this host knows, such as `Asia/Tokyo` or `UTC`, not `Mars`."}},
      {cluster("run: x\nscale:\n- { at: \"Sat 18:30\", min: 10 }"),
       {"6:7 needs `min`, and exactly"}},
      {cluster("run: x\nscale:\n- { at: \"Sat 25:30\", min: 10, for: 3h }"),
       {"6:13 the hour 25 is not within"}},
      {cluster("run: x\nscale:\n- { at: 2026-12-31 20:00, until: 2026-12-31 19:00, min: 10 }"),
       {"6:38 is not after `at`"}},
      {cluster("run: x\nscale:\n- { headroom: 3, min: 2 }"), {"6:22 belongs to `at`"}},
      {cluster("run: x\nscale:\n- { target: 0 }"), {"6:17 a number above 0"}},
      {cluster("run: x\nscale:\n- { target: 50, headroom: 3 }"), {"6:7 exactly one of"}},
      {cluster("run: x\nscale:\n- { target: 50, of: \"a b\" }"), {"6:25 the name of a number"}},
      {cluster("run: x\nscale:\n- { headroom: 5, of: x }"), {"6:22 belongs to `target`"}},
      {cluster("run: x\nscale:\n- { to: avg(connections) > 4 }"), {"6:13 In `to`: "}},
      {cluster("run: x\nscale:\n- { to: ceil(sum(connections) }"), {"6:34 In `to`: "}},
      {cluster("run: x\nscale:\n- { to: sum(connections) / 0 }"),
       {"6:32 In `to`: this is always 0"}},
      {cluster("run: x\nscale:\n- { when: count() / (2 - 2) > 1, add: 1 }"),
       {"6:25 In `when`: this is always 0"}},
      {cluster("run: x\nscale:\n- { when: count() > 4, to: 5, pause: 3s }"),
       {"6:35 belongs to `add` and `remove`"}},
      {cluster("run: x\nscale:\n- { name: a, headroom: 1 }\n- { name: a, headroom: 2 }"),
       {"7:7 Two rules are named `a`"}},
      {cluster("run: x\nscale:\n- 30%"), {"6:7 must be keys and values"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_needs_and_references) {
  const auto two = [](std::string_view a, std::string_view b) {
    return "stack: a\nclusters:\n  one: { run: x, " + std::string(a) + " }\n  two: { run: x, " +
           std::string(b) + " }";
  };
  const Row rows[] = {
      {two("needs: [tow]", "seats: 1"), {"3:26 is no cluster of this stack, did you mean `two`?"}},
      {two("needs: [one]", "seats: 1"), {"3:26 needs itself"}},
      {two("needs: [two]", "needs: [one]"), {"3:25 `one`, `two` need one another in a circle"}},
      {two("env: { A: \"${clusters.two.port}\" }", "seats: 1"),
       {"3:28 add `needs: [two]` to `one`"}},
      {two("env: { A: \"${clusters.tow.port}\" }", "seats: 1"), {"3:28 did you mean `two`?"}},
      {two("needs: [two], env: { A: \"${clusters.two.prot}\" }", "seats: 1"),
       {"3:42 must be `${clusters.NAME.host}`"}},
      {two("env: { A: \"${secrets.a}\" }", "seats: 1"), {"3:28 is not yet supported"}},
      {two("env: { A: \"${ticket}\" }", "seats: 1"), {"3:28 only `url` may carry it"}},
      {two("env: { A: \"${HOME}\" }", "seats: 1"),
       {"3:28 `${HOME}` is not known here. Declare it"}},
      {two("env: { A: \"${HOME:-/root}\" }", "seats: 1"), {"3:28 is not a reference"}},
      {two("install: \"x ${port}\"", "seats: 1"),
       {"3:27 only `run`, `env` and `url` may carry it"}},
  };
  for (const auto& row : rows) expect_said(row);
}

TEST(Mistakes, of_parameters) {
  const std::string head =
      "stack: a\nclusters: { w: { run: x, capacity: \"${size}\" } }\nparameters:\n  ";
  const std::map<std::string, std::string> none;
  const struct {
    Row row;
    std::map<std::string, std::string> given;
  } rows[] = {
      {{head + "size: { type: integer }", {"4:3 has no default: give it with `-p size=...`"}},
       none},
      {{head + "size: { type: integer }", {}}, {{"size", "5"}}},
      {{head + "size: { type: integer }", {"0:0 -p size=five: the value must be of type integer"}},
       {{"size", "five"}}},
      {{head + "size: { type: integer, default: x }",
        {"4:35 The default `x` of `size` is no integer"}},
       none},
      {{head + "size: { type: int, default: 1 }", {"4:17 `type` must be integer, number"}}, none},
      {{head + "size: { default: 4 }", {"0:0 no parameter of that name, did you mean `size`?"}},
       {{"siez", "5"}}},
      {{head + "sise: { default: 4 }", {"2:36 is not known here, did you mean `sise`?"}}, none},
      {{head + "size: { default: 4 }\n  port: { default: 4 }", {"5:3 cannot name a parameter"}},
       none},
      {{head + "size: 4", {"4:9 must be keys and values"}}, none},
  };
  for (const auto& [row, given] : rows) expect_said(row, given);
}

// STACK.md's example whole: exactly what is still to come is said, and nothing else.
TEST(Mistakes, of_the_full_example_are_what_is_not_yet_supported) {
  const Row row = {
      R"(stack: mezafes
parameters: { size: { default: 4, type: integer } }
provider: process
powers: [observe, place, launch, drain, heal]
store: ./mezafes.db
api: { listen: 127.0.0.1:7070, advertise: 203.0.113.9, ports: 20000-29999 }
clusters:
  redis:
    run: redis-server --port ${port} --save ''
    count: { sockets: true }
    instances: 1
  lobby:
    needs: [redis]
    app: ./app
    install: npm ci --omit=dev
    run: node lobby.js
    env: { REDIS_URL: "redis://${clusters.redis.host}:${clusters.redis.port}" }
    url: "ws://${host}:${port}"
    ready: { http: /healthz, within: 10s, handshake: "/socket.io/?EIO=4&transport=websocket" }
    count: { http: /stats, field: connections, accepted: total }
    capacity: 500
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
      - { at: "Sat 18:30", zone: Asia/Tokyo, until: "Sat 21:30", min: 10 }
    settle: 10m
    step: 25%
    drain: { deadline: none, tell: "POST /drain", pace: 50/s }
    heal: { misses: 3, clients_wait: 45s, brake: 30% }
    limits: { memory: 512M, files: 20000 }
  game: { run: node game.js, seats: 4 }
shows:
  final: { at: "2026-12-31 20:00", zone: Asia/Tokyo, until: "23:00", ready_by: 2h, freeze: true,
           clusters: { lobby: { connections: 300000 } } }
price: { instance_hour: 0.034, currency: USD, cap_per_day: 200 }
notify: [ { slack: "${secrets.slack}", on: [scale, heal, brake, deploy], digest: 1h } ]
)",
      {"43:1 `notify` is not yet"}};
  expect_said(row);
}

TEST(Mistakes, of_hostile_text_are_few_and_quick) {
  const std::string start = "stack: a\nclusters: { w: { run: x } }\n";
  EXPECT_NE(mistakes_of(std::string(2'000'000, 'a'))[0].what.find("larger than 1 MB"),
            std::string::npos);
  EXPECT_NE(
      mistakes_of("a: " + std::string(33, '[') + std::string(33, ']'))[0].what.find("32 levels"),
      std::string::npos);
  EXPECT_EQ(mistakes_of(std::string(100'000, '[')).size(), 1u);
  EXPECT_EQ(mistakes_of("a: [" + std::string(60'000, ',')).size(), 1u);
  std::string many = start;
  for (int i = 0; i < 5'000; ++i) many += "wrong" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(mistakes_of(many).size(), 200u);
  const auto long_key = mistakes_of(start + std::string(900, 'k') + ": 1\n");
  ASSERT_EQ(long_key.size(), 1u);
  EXPECT_LT(long_key[0].what.size(), 300u);
  // Each alias would be ten of the one before.
  std::string bomb = start + "a0: &a0 [x]\n";
  for (int i = 1; i < 30; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += "*a" + std::to_string(i - 1) + ",";
    bomb += "]\n";
  }
  EXPECT_LE(mistakes_of(bomb).size(), 200u);
}

}  // namespace utakata
