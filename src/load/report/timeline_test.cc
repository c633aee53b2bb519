#include "load/report/timeline.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace utakata::load {
namespace {

using Measure = std::function<void(Metrics&)>;

Metrics measured(const Measure& measure) {
  Metrics metrics;
  measure(metrics);
  return metrics;
}

void counted(Metrics& into, const char* name, double by, const Tags& tags = {}) {
  into.count(into.id(MetricKind::counter, name, tags).value(), by);
}
void timed(Metrics& into, const char* name, std::int64_t us, const Tags& tags = {}) {
  into.trend(into.id(MetricKind::trend, name, tags).value(), us);
}

LoadTick second(int at, std::int64_t users = 0) {
  return {.at = std::chrono::seconds{at}, .length = 1s, .users = users, .sockets = users * 2};
}

template <class Value>
Value value_in(const LoadPoint& point, const std::string& name) {
  const auto found = point.measured.find(name);
  if (found == point.measured.end()) return {};
  return std::get<Value>(unpacked(found->second));
}

TEST(Timeline, a_second_is_a_point_whatever_the_tags) {
  std::vector<LoadPoint> points;
  Timeline timeline(points);
  timeline.add(second(0, 10), measured([](Metrics& m) {
                 counted(m, "sent", 2, {{"to", "a"}}), counted(m, "sent", 3, {{"to", "b"}});
                 timed(m, "echo", 7'000, {{"to", "a"}}), timed(m, "echo", 9'000);
                 m.id(MetricKind::trend, "quiet").value();
               }));
  timeline.add(second(1, 20), Metrics());
  ASSERT_EQ(points.size(), 2u);
  const LoadPoint& first = points[0];
  EXPECT_EQ(value_in<Counter>(first, "sent").sum, 5);
  EXPECT_EQ(value_in<Trend>(first, "echo").count(), 2u);
  EXPECT_FALSE(first.measured.contains("quiet")) << "nothing was measured is no zero";
  EXPECT_EQ(points[1].at, 1s);
  EXPECT_EQ(points[1].users, 20);
  EXPECT_EQ(points[1].sockets, 40);
}

TEST(Timeline, when_it_is_full_neighbours_are_joined_and_each_point_stands_for_twice_as_long) {
  std::vector<LoadPoint> points;
  Timeline timeline(points, {.points_max = 4});
  const auto lengths = [&] {
    std::vector<std::int64_t> all;
    for (const auto& point : points) all.push_back(point.length / 1s);
    return all;
  };
  const std::vector<std::int64_t> expected[] = {{1},       {1, 1},    {1, 1, 1},    {1, 1, 1, 1},
                                                {2, 2, 1}, {2, 2, 2}, {2, 2, 2, 1}, {2, 2, 2, 2},
                                                {4, 4, 1}, {4, 4, 2}, {4, 4, 3},    {4, 4, 4}};
  for (int at = 0; at < 12; ++at) {
    timeline.add(second(at, at), measured([&](Metrics& m) { counted(m, "sent", at); }));
    EXPECT_EQ(lengths(), expected[at]) << at;
  }
  EXPECT_EQ(value_in<Counter>(points[1], "sent").sum, 4 + 5 + 6 + 7);
  EXPECT_EQ(points[1].users, 7) << "at its end";
}

TEST(Timeline, what_is_left_of_a_second_at_the_end_goes_to_the_point_before) {
  std::vector<LoadPoint> points;
  Timeline timeline(points);
  timeline.add(second(0), measured([](Metrics& m) { counted(m, "sent", 100); }));
  timeline.add({.at = 1s, .length = 20ms, .users = 3},
               measured([](Metrics& m) { counted(m, "sent", 2); }));
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].length, 1020ms);
  EXPECT_EQ(points[0].users, 3);
  EXPECT_EQ(value_in<Counter>(points[0], "sent").sum, 102);
}

TEST(Timeline, of_a_thousand_metrics_the_first_hundred_are_kept) {
  std::vector<LoadPoint> points;
  Timeline timeline(points);
  timeline.add(second(0), measured([](Metrics& m) { counted(m, "zzz", 1); }));
  timeline.add(second(1), measured([](Metrics& m) {
                 for (int i = 0; i < 1000; ++i) counted(m, std::to_string(i).c_str(), 1);
                 counted(m, "zzz", 1);
               }));
  EXPECT_EQ(points[1].measured.size(), 100u);
  EXPECT_TRUE(points[1].measured.contains("zzz")) << "what came first stays";
}

TEST(Timeline, what_is_measured_stays_within_its_bytes_at_the_cost_of_points) {
  std::vector<LoadPoint> points;
  Timeline timeline(points, {.points_max = 600, .bytes_max = 200'000});
  for (int at = 0; at < 500; ++at) {
    timeline.add(second(at), measured([&](Metrics& m) {
                   for (int i = 0; i < 1'000; ++i)
                     timed(m, "echo", 1'000 + (i * 7919 + at) % 90'000);
                 }));
    ASSERT_LE(timeline.bytes(), 200'000u) << at;
  }
  EXPECT_GE(points.size(), 30u);
  EXPECT_LE(points.size(), 100u);
}

TEST(Timeline, errors_are_kept_by_kind_and_phase) {
  std::vector<LoadPoint> points;
  Timeline timeline(points, {.errors_max = 2});
  timeline.add(second(0), measured([](Metrics& m) {
                 counted(m, "http_errors", 2, {{"phase", "connect"}});
                 counted(m, "ws_closed", 3, {{"phase", "open"}, {"code", "1011"}});
                 counted(m, "ws_closed", 5, {{"phase", "open"}, {"code", "1000"}});
               }));
  timeline.add(second(1), measured([](Metrics& m) {
                 counted(m, "errors", 4, {{"phase", "script"}});
                 counted(m, "http_errors", 1, {{"phase", "connect"}});
               }));
  using Errors = std::map<std::string, double>;
  EXPECT_EQ(points[0].errors, (Errors{{"HTTP connect", 2}, {"WebSocket closed 1011", 3}}));
  EXPECT_EQ(points[1].errors, (Errors{{"HTTP connect", 1}, {"others", 4}}));
}

// One tick's worth, of all kinds.
void record_some(Metrics& into) {
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
    const Tags tags = *rc::gen::element(Tags{}, Tags{{"a", "1"}}, Tags{{"phase", "connect"}});
    const auto number = *rc::gen::inRange<std::int64_t>(1, 5'000'000);
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        counted(into, *rc::gen::element("sent", "errors"), double(number), tags);
        break;
      case 1:
        into.rate(into.id(MetricKind::rate, "checks", tags).value(), number % 3 != 0);
        break;
      case 2:
        timed(into, "echo", number, tags);
        break;
      default:
        into.gauge(into.id(MetricKind::gauge, "queue", {}).value(), double(number));
    }
  }
}

LoadPoint point_of(const LoadTick& tick, const Metrics& measured) {
  std::vector<LoadPoint> points;
  Timeline(points).add(tick, measured);
  return points[0];
}

TEST(Timeline, however_points_were_joined_together_they_are_all_ticks_together) {
  EXPECT_TRUE(rc::check([] {
    TimelineLimits limits{.points_max = *rc::gen::inRange<std::size_t>(2, 9)};
    limits.bytes_max = *rc::gen::element<std::size_t>(5'000, 16'000'000);
    std::vector<LoadPoint> points;
    Timeline timeline(points, limits);
    std::optional<LoadPoint> all;
    Duration at{};
    for (int i = *rc::gen::inRange(0, 40); i > 0; --i) {
      const LoadTick tick{.at = at,
                          .length = std::chrono::milliseconds{*rc::gen::inRange(1, 2'000)},
                          .users = *rc::gen::inRange<std::int64_t>(0, 9),
                          .sockets = i,
                          .cpu_max = *rc::gen::inRange(0, 100) / 64.0,
                          .lag_ms_max = double(i % 7)};
      const Metrics metrics = measured(record_some);
      timeline.add(tick, metrics);
      const LoadPoint alone = point_of(tick, metrics);
      if (!all)
        all = alone;
      else
        join(*all, alone);
      at += tick.length;
      RC_ASSERT(points.size() <= limits.points_max);
    }
    if (!all) return;
    LoadPoint joined = points[0];
    for (std::size_t i = 1; i < points.size(); ++i) {
      RC_ASSERT((points[i].at == joined.at + joined.length));
      join(joined, points[i]);
    }
    RC_ASSERT((joined == *all));
  }));
}

TEST(Timeline, joining_is_the_same_in_any_grouping) {
  EXPECT_TRUE(rc::check([] {
    LoadPoint points[3];
    Duration at{};
    for (LoadPoint& point : points) {
      point = point_of({.at = at, .length = 1s, .users = *rc::gen::inRange<std::int64_t>(0, 9)},
                       measured(record_some));
      at += 1s;
    }
    LoadPoint left = points[0], right = points[1];
    join(left, points[1]), join(left, points[2]);
    join(right, points[2]);
    LoadPoint all = points[0];
    join(all, right);
    RC_ASSERT((left == all));
  }));
}

}  // namespace
}  // namespace utakata::load
