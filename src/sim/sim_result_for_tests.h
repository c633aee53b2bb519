// A made-up result for the tests of the reports: two clusters, an evening of three hours.
#pragma once

#include "sim/result.h"

namespace utakata {

inline SimCluster cluster_for_tests(std::string name, Duration length) {
  SimCluster cluster{.name = std::move(name)};
  for (int i = 0; i <= 600; ++i) {
    const int people = i < 300 ? i * 10 : (600 - i) * 10;
    cluster.samples.push_back({.at = length / 600 * i,
                               .wanted = 1 + people / 500,
                               .starting = i % 50 == 0,
                               .serving = 1 + people / 520,
                               .draining = i > 300 && i % 60 < 9,
                               .wishing = people,
                               .connections = people - people / 20,
                               .capacity = 500 * (1 + people / 520),
                               .refused = i % 97 == 0 ? i : 0,
                               .cut = i == 400 ? 41 : 0});
  }
  cluster.instance_hours = 12.345;
  cluster.cost = 1.5;
  cluster.arrivals = 12'345;
  cluster.placements = 12'300;
  cluster.refused = 45;
  cluster.waited_p50 = 12ms;
  cluster.waited_p99 = 1200ms;
  cluster.waited_most = 61s;
  cluster.cuts = {.by_faults = 41, .by_healing = 3, .by_deadline = 2, .by_scaling = 0};
  cluster.launches = 7;
  cluster.drains = 6;
  cluster.heals = 1;
  cluster.serving_most = 6;
  return cluster;
}

inline SimResult result_for_tests() {
  SimResult result{.stack = "shop", .load = "tv-show", .seed = 42, .length = 3h};
  result.began = WallTime{1'798'747'200'000ms};  // 2026-12-31T20:00:00Z
  result.took_seconds = 1.8;
  result.clusters = {cluster_for_tests("lobby", result.length),
                     cluster_for_tests("game", result.length)};
  result.activities = {{.number = 1,
                        .at = result.began + 12min,
                        .cluster = "lobby",
                        .instance = "lobby-2",
                        .kind = "launch",
                        .because = "62 connections each, target 50",
                        .limited_by = "max 4"},
                       {.number = 2,
                        .at = result.began + 13min,
                        .cluster = "lobby",
                        .instance = "lobby-2",
                        .phase = Activity::Phase::outcome,
                        .kind = "ready",
                        .because = "it answers"},
                       {.number = 3,
                        .at = result.began + 2h,
                        .cluster = "game",
                        .instance = "game-3",
                        .kind = "stop",
                        .because = "deadline",
                        .by = "operator",
                        .cut = 12}};
  result.faults = {{.at = 2h + 3s, .what = "SIGKILL to game-3 with 41 clients"}};
  return result;
}

}  // namespace utakata
