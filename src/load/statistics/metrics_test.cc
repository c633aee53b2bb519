#include "load/statistics/metrics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "load/statistics/allocations_for_tests.h"

namespace utakata::load {
namespace {

const Tags get{{"method", "GET"}}, post{{"method", "POST"}};

MetricId id_in(Metrics& metrics, MetricKind kind, std::string_view name, const Tags& tags = {}) {
  return metrics.id(kind, name, tags).value();
}

template <class Kind>
Kind value_in(const Metrics& metrics, std::string_view name, const Tags& tags = {}) {
  return std::get<Kind>(metrics.total(name, tags).value());
}

TEST(Metrics, each_kind_keeps_what_it_is_for) {
  Metrics metrics;
  const auto sent = id_in(metrics, MetricKind::counter, "sent");
  const auto ok = id_in(metrics, MetricKind::rate, "ok");
  const auto echo = id_in(metrics, MetricKind::trend, "echo");
  const auto users = id_in(metrics, MetricKind::gauge, "users");
  metrics.count(sent), metrics.count(sent, 2.5);
  metrics.rate(ok, true), metrics.rate(ok, true), metrics.rate(ok, false), metrics.rate(ok, true);
  metrics.trend(echo, 1'500), metrics.trend(echo, 500);
  metrics.gauge(users, 5), metrics.gauge(users, 9), metrics.gauge(users, -1);
  EXPECT_EQ(value_in<Counter>(metrics, "sent").sum, 3.5);
  EXPECT_EQ(value_in<Rate>(metrics, "ok"), (Rate{.trues = 3, .all = 4}));
  EXPECT_EQ(value_in<Rate>(metrics, "ok").share(), 0.75);
  EXPECT_EQ(value_in<Trend>(metrics, "echo").mean(), 1'000);
  EXPECT_EQ(value_in<Gauge>(metrics, "users"), (Gauge{.last = -1, .min = -1, .max = 9, .turn = 3}));
  EXPECT_FALSE(metrics.total("else"));
  EXPECT_EQ(metrics.dropped(), 0u);
}

TEST(Metrics, one_name_and_its_tags_are_one_series_in_any_order) {
  Metrics metrics;
  const Tags tags{{"a", "1"}, {"b", "2"}}, turned{{"b", "2"}, {"a", "1"}};
  const auto id = id_in(metrics, MetricKind::counter, "n", tags);
  EXPECT_EQ(id_in(metrics, MetricKind::counter, "n", turned).index, id.index);
  EXPECT_NE(id_in(metrics, MetricKind::counter, "n", get).index, id.index);
  ASSERT_EQ(metrics.series().size(), 2u);
  EXPECT_EQ(metrics.series().begin()->first, "n{a=1,b=2}");
}

TEST(Metrics, a_total_is_over_all_series_that_have_the_tags) {
  Metrics metrics;
  const auto ours = id_in(metrics, MetricKind::trend, "echo", get);
  const auto theirs = id_in(metrics, MetricKind::trend, "echo", post);
  metrics.trend(ours, 10), metrics.trend(theirs, 20), metrics.trend(theirs, 30);
  EXPECT_EQ(value_in<Trend>(metrics, "echo").count(), 3u);
  EXPECT_EQ(value_in<Trend>(metrics, "echo", post).min(), 20);
  EXPECT_FALSE(metrics.total("echo", Tags{{"method", "PUT"}}));
  EXPECT_FALSE(metrics.total("ech"));

  const auto late = id_in(metrics, MetricKind::gauge, "users", get);
  const auto early = id_in(metrics, MetricKind::gauge, "users", post);
  metrics.gauge(early, 7), metrics.gauge(late, 3);
  const auto users = value_in<Gauge>(metrics, "users");
  EXPECT_EQ(users.last, 3) << "what was set last, in any series";
  EXPECT_EQ(users.min, 3);
  EXPECT_EQ(users.max, 7);
}

TEST(Metrics, a_name_is_of_one_kind) {
  Metrics metrics;
  id_in(metrics, MetricKind::counter, "sent", get);
  const auto other = metrics.id(MetricKind::trend, "sent", post);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Problem::Kind::conflict);
  EXPECT_EQ(other.error().what,
            "`sent` is a counter and cannot be a trend, too: give one another name.");
  EXPECT_EQ(metrics.id(MetricKind::trend, "a{b}").error().kind, Problem::Kind::invalid);
}

TEST(Metrics, what_finds_no_room_is_counted_as_dropped) {
  Metrics metrics(2);
  const auto a = id_in(metrics, MetricKind::counter, "a");
  const auto b = id_in(metrics, MetricKind::counter, "b");
  const auto c = id_in(metrics, MetricKind::trend, "c");
  metrics.count(a), metrics.count(b), metrics.trend(c, 5), metrics.trend(c, 6);
  EXPECT_EQ(metrics.dropped(), 2u);
  EXPECT_EQ(metrics.series().size(), 2u);
  EXPECT_EQ(id_in(metrics, MetricKind::counter, "a").index, a.index) << "what is there stays";
  EXPECT_FALSE(metrics.kinds().contains("c"));

  Metrics parent(1);
  ASSERT_TRUE(parent.add(metrics.take()));
  EXPECT_EQ(parent.dropped(), 3u) << "two there, and one here";
  EXPECT_EQ(metrics.dropped(), 0u);
}

TEST(Metrics, what_is_no_number_is_dropped) {
  Metrics metrics;
  const auto n = id_in(metrics, MetricKind::counter, "n");
  const auto g = id_in(metrics, MetricKind::gauge, "g");
  metrics.count(n, std::nan("")), metrics.gauge(g, std::numeric_limits<double>::infinity());
  EXPECT_EQ(metrics.dropped(), 2u);
  EXPECT_EQ(value_in<Counter>(metrics, "n").sum, 0);
  EXPECT_EQ(value_in<Gauge>(metrics, "g").turn, 0u);
  for (int i = 0; i < 3; ++i) metrics.count(n, std::numeric_limits<double>::max());
  EXPECT_TRUE(Metrics().add(metrics.take())) << "a sum that runs over can still be told";
}

TEST(Metrics, recording_allocates_nothing_once_the_magnitudes_are_known) {
  Metrics metrics;
  const auto n = id_in(metrics, MetricKind::counter, "n", get);
  const auto r = id_in(metrics, MetricKind::rate, "r");
  const auto t = id_in(metrics, MetricKind::trend, "t");
  const auto g = id_in(metrics, MetricKind::gauge, "g");
  const auto record = [&] {
    for (int i = 0; i < 1'000; ++i) {
      metrics.count(n), metrics.rate(r, i % 2), metrics.gauge(g, i);
      metrics.trend(t, i * 100);
      metrics.count({});
    }
  };
  const std::size_t at_first = allocations_so_far();
  record();
  EXPECT_GT(allocations_so_far(), at_first) << "allocations are seen";
  metrics.take();
  const std::size_t before = allocations_so_far();
  record();
  EXPECT_EQ(allocations_so_far(), before);
}

TEST(Metrics, take_tells_what_is_new_and_only_that) {
  Metrics metrics;
  const auto n = id_in(metrics, MetricKind::counter, "n", get);
  const auto g = id_in(metrics, MetricKind::gauge, "g");
  id_in(metrics, MetricKind::rate, "quiet");
  metrics.count(n, 3), metrics.gauge(g, 1.5), metrics.count({});
  EXPECT_EQ(metrics.take(),
            R"({"counters":[["n{method=GET}",3.0]],"dropped":1,"gauges":[["g",1.5,1.5,1.5]],)"
            R"("rates":[["quiet",0,0]],"trends":[]})")
      << "names are told before there are values";
  const std::string nothing = R"({"counters":[],"dropped":0,"gauges":[],"rates":[],"trends":[]})";
  EXPECT_EQ(metrics.take(), nothing);
  metrics.count(n);
  EXPECT_NE(metrics.take().find(R"(["n{method=GET}",1.0])"), std::string::npos);
  EXPECT_EQ(metrics.take(), nothing);
}

TEST(Metrics, a_line_tells_all_and_empties_nothing) {
  Metrics metrics, other;
  metrics.count(id_in(metrics, MetricKind::counter, "n", get), 3);
  metrics.take();
  metrics.gauge(id_in(metrics, MetricKind::gauge, "b"), 1);
  metrics.gauge(id_in(metrics, MetricKind::gauge, "a"), 2);
  const std::string line =
      R"({"counters":[["n{method=GET}",0.0]],"dropped":0,"gauges":[["b",1.0,1.0,1.0],)"
      R"(["a",2.0,2.0,2.0]],"rates":[],"trends":[]})";
  EXPECT_EQ(metrics.line(), line);
  EXPECT_EQ(metrics.line(), line);
  ASSERT_TRUE(other.add(line));
  EXPECT_EQ(other.line(), line);
}

// Last, min and max; the turns of who was told a second's worth at once are others.
std::string text_of(const MetricValue& value) {
  if (const auto* gauge = std::get_if<Gauge>(&value))
    return fmt::format("{} {} {} {}", gauge->turn != 0, gauge->last, gauge->min, gauge->max);
  if (const auto* rate = std::get_if<Rate>(&value))
    return fmt::format("{} of {}", rate->trues, rate->all);
  if (const auto* counter = std::get_if<Counter>(&value)) return fmt::format("{}", counter->sum);
  return std::get<Trend>(value).encode();
}

void expect_same(const Metrics& a, const Metrics& b) {
  RC_ASSERT(a.series().size() == b.series().size());
  for (const auto& [key, series] : a.series()) {
    const auto other = b.series().find(key);
    RC_ASSERT((other != b.series().end()));
    RC_ASSERT(text_of(other->second.value) == text_of(series.value));
    RC_ASSERT(other->second.name == series.name);
    RC_ASSERT(text_of(*a.total(series.name.metric)) == text_of(*b.total(series.name.metric)));
  }
  RC_ASSERT(a.dropped() == b.dropped());
  RC_ASSERT(a.kinds() == b.kinds());
}

void record_some(const std::vector<Metrics*>& into) {
  static constexpr std::string_view names[] = {"counter", "rate", "trend", "gauge"};
  const auto kind = MetricKind(*rc::gen::inRange(0, 4));
  const Tags tags = *rc::gen::element(Tags{}, get, post, Tags{{"a", "b,c}"}, {"d", ""}});
  const auto number = *rc::gen::inRange<std::int64_t>(-3, 1'000'000);
  for (Metrics* metrics : into) {
    const auto id = id_in(*metrics, kind, names[std::size_t(kind)], tags);
    switch (kind) {
      case MetricKind::counter:
        metrics->count(id, double(number));
        break;
      case MetricKind::rate:
        metrics->rate(id, number % 2 == 0);
        break;
      case MetricKind::trend:
        metrics->trend(id, number);
        break;
      case MetricKind::gauge:
        metrics->gauge(id, double(number) / 8);
        break;
    }
    if (number == 7) metrics->count(MetricId{});
  }
}

TEST(Metrics, what_workers_take_and_a_parent_adds_is_what_one_would_have_recorded) {
  EXPECT_TRUE(rc::check([] {
    Metrics alone, parent, grandparent;
    std::vector<Metrics> workers(*rc::gen::inRange<std::size_t>(1, 5));
    // Each thing is recorded by one of them, and from time to time one tells what it has. Whose
    // gauge was last is known only within a worker: all is told before another goes on.
    std::size_t who = 0;
    for (int i = *rc::gen::inRange(0, 150); i > 0; --i) {
      if (*rc::gen::inRange(0, 4) == 0) {
        RC_ASSERT(parent.add(workers[who].take()).has_value());
        who = *rc::gen::inRange<std::size_t>(0, workers.size());
        if (*rc::gen::arbitrary<bool>()) RC_ASSERT(grandparent.add(parent.take()).has_value());
      }
      record_some({&alone, &workers[who]});
    }
    RC_ASSERT(parent.add(workers[who].take()).has_value());
    RC_ASSERT(grandparent.add(parent.take()).has_value());
    expect_same(alone, grandparent);
  }));
}

TEST(Metrics, any_partition_of_all_but_gauges_gives_the_same) {
  EXPECT_TRUE(rc::check([] {
    Metrics alone, parent;
    std::vector<Metrics> workers(*rc::gen::inRange<std::size_t>(1, 9));
    const auto each = [](Metrics& m, std::int64_t n) {
      m.count(id_in(m, MetricKind::counter, "c"), double(n));
      m.rate(id_in(m, MetricKind::rate, "r"), n % 3 == 0);
      m.trend(id_in(m, MetricKind::trend, "t"), n * n);
    };
    for (int i = *rc::gen::inRange(0, 200); i > 0; --i) {
      auto& worker = workers[*rc::gen::inRange<std::size_t>(0, workers.size())];
      const auto n = *rc::gen::inRange<std::int64_t>(-5, 100'000);
      each(alone, n), each(worker, n);
      if (*rc::gen::inRange(0, 5) == 0) RC_ASSERT(parent.add(worker.take()).has_value());
    }
    for (auto& worker : workers) RC_ASSERT(parent.add(worker.take()).has_value());
    expect_same(alone, parent);
  }));
}

TEST(Metrics, what_is_no_line_is_refused_and_nothing_of_it_is_added) {
  const auto line = [](std::string counters, std::string rates, std::string trends,
                       std::string gauges) {
    return fmt::format(
        R"({{"dropped":1,"counters":[{}],"rates":[{}],"trends":[{}],"gauges":[{}]}})", counters,
        rates, trends, gauges);
  };
  const std::string good = R"(["good",1])";
  const std::pair<std::string, std::string> rows[] = {
      {"", "not an object"},
      {"[]", "not an object"},
      {"{\"a\":", "not an object"},
      {"{}", "`dropped`"},
      {R"({"dropped":-1})", "`dropped`"},
      {R"({"dropped":0})", "no list `counters`"},
      {R"({"dropped":0,"counters":[],"rates":{}})", "no list `rates`"},
      {line(good + R"(,["a"])", "", "", ""), "`counters`"},
      {line(good + R"(,["a","1"])", "", "", ""), "`counters`"},
      {line(good + R"(,["a",1e999])", "", "", ""), "not an object"},
      {line(good + R"(,[1,1])", "", "", ""), "`counters`"},
      {line(good + R"(,"a")", "", "", ""), "`counters`"},
      {line(good + R"(,[])", "", "", ""), "`counters`"},
      {line(good + R"(,["a{",1])", "", "", ""), "`a{` is no metric"},
      {line(good, R"(["a",2,1])", "", ""), "`rates`"},
      {line(good, R"(["a",-1,1])", "", ""), "`rates`"},
      {line(good, R"(["a",0,1e30])", "", ""), "`rates`"},
      {line(good, "", R"(["a","?"])", ""), "`trends`"},
      {line(good, "", R"(["a",7])", ""), "`trends`"},
      {line(good, "", "", R"(["a",3,1,2])"), "`gauges`"},
      {line(good, "", "", R"(["a",1,null,2])"), "`gauges`"},
      {line(good, R"(["known",1,1])", "", ""), "`known` is a trend here, and was told as a rate"},
      {line(good, R"(["good",1,1])", "", ""), "`good` is a counter here, and was told as a rate"},
  };
  Metrics parent;
  id_in(parent, MetricKind::trend, "known");
  for (const auto& [text, why] : rows) {
    const auto added = parent.add(text);
    ASSERT_FALSE(added) << text;
    EXPECT_NE(added.error().what.find(why), std::string::npos) << added.error().what;
  }
  EXPECT_EQ(parent.series().size(), 1u);
  EXPECT_EQ(parent.dropped(), 0u);
  EXPECT_TRUE(parent.add(line(good, "", "", "")));
  EXPECT_EQ(value_in<Counter>(parent, "good").sum, 1);
}

}  // namespace
}  // namespace utakata::load
