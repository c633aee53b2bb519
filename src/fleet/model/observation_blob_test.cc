#include "fleet/model/observation_blob.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace utakata {
namespace {

const WallTime noon{std::chrono::milliseconds{1'767'225'600'123}};
const Instant now{Duration{93'112'000'000'123}};

struct Made {
  Fleet fleet;
  Observation seen;
};

// A cluster as busy ones look: numbers of all sizes, some silent, some draining.
Made a_cluster(int instances, std::uint64_t seed) {
  Random random(seed);
  Made made;
  made.fleet.spec.metrics = {"connections", "cpu", "memory"};
  made.seen.at = now;
  made.seen.wall = noon;
  for (int i = 1; i <= instances; ++i) {
    Instance one;
    one.id = {"game-" + std::to_string(i + (i > 500 ? 7 : 0))};
    one.lifecycle = random.below(50) ? Lifecycle::serving : Lifecycle::draining;
    Sight sight;
    sight.asked = true;
    if (random.below(100)) {
      sight.answered = sight.ready = true;
      sight.count =
          Count{int(random.below(500)), now - std::chrono::milliseconds(random.below(30))};
      sight.accepted = std::int64_t(random.below(90'000));
      sight.metrics = {double(sight.count->connections), double(random.below(1000)) / 1000,
                       double(random.below(4000))};
    }
    made.fleet.instances.push_back(one);
    made.seen.sights.push_back(sight);
    made.seen.seats.push_back({});
  }
  return made;
}

void expect_same(const Made& made, const SeenTick& read) {
  ASSERT_EQ(read.instances.size(), made.fleet.instances.size());
  ASSERT_EQ(read.observation.sights.size(), made.seen.sights.size());
  ASSERT_EQ(read.observation.seats.size(), made.seen.seats.size());
  EXPECT_EQ(read.observation.at, made.seen.at);
  EXPECT_EQ(read.observation.late, made.seen.late);
  EXPECT_EQ(read.observation.waiting, made.seen.waiting);
  for (std::size_t i = 0; i < read.instances.size(); ++i) {
    EXPECT_EQ(read.instances[i].id, made.fleet.instances[i].id);
    EXPECT_EQ(read.instances[i].lifecycle, made.fleet.instances[i].lifecycle);
    EXPECT_EQ(read.instances[i].suspect, made.fleet.instances[i].suspect);
    if (made.seen.sights.empty()) continue;
    const Sight& a = read.observation.sights[i];
    const Sight& b = made.seen.sights[i];
    EXPECT_EQ(a.asked, b.asked);
    EXPECT_EQ(a.answered, b.answered);
    EXPECT_EQ(a.ready, b.ready);
    EXPECT_EQ(a.count, b.count);
    EXPECT_EQ(a.accepted, b.accepted);
    ASSERT_EQ(a.metrics.size(), b.metrics.size());
    for (std::size_t m = 0; m < a.metrics.size(); ++m)
      EXPECT_TRUE(a.metrics[m] == b.metrics[m] ||
                  (std::isnan(a.metrics[m]) && std::isnan(b.metrics[m])))
          << a.metrics[m] << " " << b.metrics[m];
    EXPECT_EQ(read.observation.seats[i].seats_held, made.seen.seats[i].seats_held);
    EXPECT_EQ(read.observation.seats[i].keys, made.seen.seats[i].keys);
    EXPECT_EQ(read.observation.seats[i].out_of_placement, made.seen.seats[i].out_of_placement);
  }
}

TEST(ObservationBlob, a_thousand_instances_come_back_as_they_were_and_take_less_than_12_kilobytes) {
  const Made made = a_cluster(1000, 7);
  const std::string blob = encode_tick("game", made.fleet, made.seen);
  EXPECT_LT(blob.size(), 12'000u);
  const auto read = decode_tick(blob);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->cluster, "game");
  EXPECT_EQ(read->observation.wall, noon);
  expect_same(made, *read);
}

TEST(ObservationBlob, odd_ids_odd_numbers_seats_and_news_come_back_as_they_were) {
  Made made = a_cluster(12, 3);
  const char* ids[] = {"game-0",  "game-07",          "game-",          "game",   "",
                       "gamer-3", "game-12345678901", "game-999999999", "game-1x"};
  for (std::size_t i = 0; i < std::size(ids); ++i) made.fleet.instances[i].id = {ids[i]};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double odd[] = {
      -0.0,  0.1,      1e300,  -infinity, std::nan(""), 1.0 / 3, 9007199254740993.0,
      -12.5, 0.000001, 5e-324, infinity,  123456789.123};
  for (std::size_t i = 0; i < 12; ++i) made.seen.sights[i].metrics = {odd[i], 7, odd[11 - i]};
  made.seen.sights[1].count.reset();
  made.seen.sights[2].accepted.reset();
  made.seen.sights[3].metrics.clear();
  made.seen.sights[4].count = Count{2'000'000'000, now + 3s};
  made.seen.sights[5].accepted = std::numeric_limits<std::int64_t>::max();
  made.seen.seats[3] = {.seats_held = 300, .keys = 0, .out_of_placement = true};
  made.seen.seats[4] = {.seats_held = 0, .keys = 2, .out_of_placement = false};
  made.fleet.instances[5].suspect = true;
  made.fleet.instances[6].lifecycle = Lifecycle::stopping;
  made.seen.waiting = 12'000;
  made.seen.late = true;
  made.seen.news = {{.kind = ProviderNews::Kind::launched,
                     .id = {"game-13"},
                     .handle = "pid 812 started 93112",
                     .address = {"203.0.113.9", 20001},
                     .what = "",
                     .retry = false},
                    {.kind = ProviderNews::Kind::launch_failed,
                     .id = {"game-14"},
                     .handle = "",
                     .address = {},
                     .what = std::string(1000, 'x'),
                     .retry = true}};
  const auto read = decode_tick(encode_tick("game", made.fleet, made.seen));
  ASSERT_TRUE(read) << read.error().what;
  expect_same(made, *read);
  EXPECT_TRUE(std::signbit(read->observation.sights[0].metrics[0]));
  ASSERT_EQ(read->observation.news.size(), 2u);
  EXPECT_EQ(read->observation.news[0].handle, "pid 812 started 93112");
  EXPECT_EQ(read->observation.news[0].address, (Address{"203.0.113.9", 20001}));
  EXPECT_EQ(read->observation.news[1].kind, ProviderNews::Kind::launch_failed);
  EXPECT_TRUE(read->observation.news[1].retry);
  EXPECT_EQ(read->observation.news[1].what.size(), 300u);
}

TEST(ObservationBlob, a_tick_in_which_nothing_was_probed_stays_one) {
  Made made = a_cluster(3, 1);
  made.seen.sights.clear();
  made.seen.seats.clear();
  const auto read = decode_tick(encode_tick("game", made.fleet, made.seen));
  ASSERT_TRUE(read);
  expect_same(made, *read);
  const auto empty = decode_tick(encode_tick("", Fleet{}, Observation{}));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->instances.empty());
}

TEST(ObservationBlob, hosts_come_back_as_they_were_and_without_any_the_bytes_are_those_of_before) {
  Made made = a_cluster(3, 2);
  EXPECT_EQ(encode_tick("game", made.fleet, made.seen)[0], '\x01');
  made.seen.hosts = {{.name = "worker-1", .zone = "a"},
                     {.name = "worker-2", .zone = "b", .is_up = false},
                     {.name = "", .zone = "c", .is_open = false}};
  const std::string blob = encode_tick("game", made.fleet, made.seen);
  const auto read = decode_tick(blob);
  ASSERT_TRUE(read);
  expect_same(made, *read);
  EXPECT_EQ(read->observation.hosts, made.seen.hosts);
  for (std::size_t size = 0; size < blob.size(); ++size)
    ASSERT_FALSE(decode_tick(std::string_view(blob).substr(0, size))) << size;
}

TEST(ObservationBlob, bytes_cut_short_are_refused_wherever_they_are_cut) {
  const Made made = a_cluster(40, 5);
  const std::string blob = encode_tick("game", made.fleet, made.seen);
  for (std::size_t size = 0; size < blob.size(); ++size) {
    const auto read = decode_tick(std::string_view(blob).substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().kind, Problem::Kind::invalid);
  }
  EXPECT_FALSE(decode_tick(blob + "x"));
  EXPECT_FALSE(decode_tick("\x03" + blob.substr(1)));
}

TEST(ObservationBlob, damaged_bytes_never_do_worse_than_a_refusal_or_other_numbers) {
  const Made made = a_cluster(60, 9);
  const std::string blob = encode_tick("game", made.fleet, made.seen);
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Random random(seed);
    std::string bad = blob;
    for (std::uint64_t hits = 1 + random.below(6); hits > 0; --hits)
      bad[random.below(bad.size())] = char(random.below(4) ? random.below(256) : 0xff);
    const auto read = decode_tick(bad);
    if (read) {
      ASSERT_LE(read->instances.size(), bad.size()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace utakata
