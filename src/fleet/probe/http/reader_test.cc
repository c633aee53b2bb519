// What instances answer, and what is made of it.
#include "fleet/probe/http/reader.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace utakata {
namespace {

ClusterSpec a_cluster(std::string connections, std::string accepted = "",
                      std::vector<std::string> others = {}) {
  ClusterSpec spec;
  spec.count.connections = std::move(connections);
  spec.count.accepted = std::move(accepted);
  for (auto& one : others) spec.metrics.push_back(std::move(one));
  return spec;
}

Expected<Reading> read_json(const ClusterSpec& spec, std::string body) {
  return make_json_reader(spec)->read(body);
}
Expected<Reading> read_prometheus(const ClusterSpec& spec, std::string body) {
  return make_prometheus_reader(spec)->read(body);
}

TEST(JsonReader, a_count_is_found_wherever_its_path_leads) {
  const struct {
    std::string path, body;
    int connections;
  } table[] = {
      {"connections", R"({"connections": 12})", 12},
      {"connections", R"(  {"x": {"connections": 1}, "connections": 0}  )", 0},
      {"connections", R"({"connections": 12.0, "big": 1234567890123456789})", 12},
      {"connections", R"({"connections": 1e3})", 1000},
      {"connections", R"({"connections": 10000000})", 10'000'000},
      {"a.b.c", R"({"a": {"b": {"d": 1, "c": 7}}})", 7},
      {"rooms.1.players", R"({"rooms": [{"players": 3}, {"players": 4}]})", 4},
      {"1", "[5, 6]", 6},
      {"a.b", R"({"a.b": 9})", 9},
      {"a.b", R"({"a": {"c": 1}, "a.b": 9})", 9},
      {"a.b", R"({"a": 3, "a.b": 9})", 9},
      {"teilnehmer_größe", R"({"teilnehmer_größe": 2})", 2},
  };
  for (const auto& [path, body, connections] : table) {
    const auto reading = read_json(a_cluster(path), body);
    ASSERT_TRUE(reading) << body << ": " << reading.error().what;
    EXPECT_EQ(reading->connections, connections) << body;
    EXPECT_EQ(reading->metrics, std::vector<double>{double(connections)});
  }
}

TEST(JsonReader, what_is_no_count_is_said_by_field_and_by_what_was_found) {
  const struct {
    std::string body, what;
  } table[] = {
      {R"({"connections": -3})", "field connections is -3, which is no count"},
      {R"({"connections": 10000001})",
       "field connections is 10000001, which is too large to be believed"},
      {R"({"connections": 9999999999999999999999999})",
       "the answer has a number that is none or too large: `{\"connections\": "
       "999999999999999999999999..."},
      {R"({"connections": 1e999})",
       "the answer has a number that is none or too large: `{\"connections\": 1e999}`"},
      {R"({"connections": 1.5})", "field connections is 1.5, which is not a whole number"},
      {R"({"connections": "12"})", "field connections is `\"12\"`, not a number"},
      {R"({"connections": true })", "field connections is `true`, not a number"},
      {R"({"connections": null})", "field connections is null"},
      {R"({"connections": {}})", "field connections is an object, not a number"},
      {R"({"connections": []})", "field connections is a list, not a number"},
      {R"({"count": 3})", "field connections is missing"},
      {R"({"connections": nonsense})", "the answer is `{\"connections\": nonsense}`, not JSON"},
      {"[1, 2]", "field connections is missing"},
      {"{}", "field connections is missing"},
      {"", "the answer is empty"},
      {" \n", "the answer is empty"},
      {"12", "the answer is `12`, not a JSON object"},
      {"\"connections\"", "the answer is `\"connections\"`, not a JSON object"},
      {"<!DOCTYPE html><html><body>Cannot GET /stats</body>",
       "the answer is `<!DOCTYPE html><html><body>Cannot GET /s...`, not JSON"},
      {"{\"connections\": 12", "the answer"},
      {"{\"connections\": 12, \"x", "the answer"},
      {"{\"connections\": 12, \"x\": \"\xff\xfe\"}", "the answer is not UTF-8"},
      {std::string("\0\0\0", 3), "the answer is `???`, not JSON"},
  };
  for (const auto& [body, what] : table) {
    const auto reading = read_json(a_cluster("connections"), body);
    ASSERT_FALSE(reading) << body;
    EXPECT_EQ(reading.error().what.substr(0, what.size()), what) << body;
  }
}

TEST(JsonReader, one_answer_tells_every_number_and_a_missing_one_costs_only_itself) {
  const auto spec = a_cluster("players", "stats.total", {"cpu", "rooms.0", "memory"});
  const auto all = read_json(
      spec,
      R"({"memory": 5e8, "cpu": 0.37, "stats": {"total": 90071}, "rooms": [4], "players": 12})");
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_EQ(all->accepted, 90071);
  EXPECT_EQ(all->metrics, (std::vector<double>{12, 0.37, 4, 5e8}));
  EXPECT_EQ(all->complaint, "");
  const auto some =
      read_json(spec, R"({"players": 12, "memory": 7, "stats": {"total": -1}, "rooms": []})");
  ASSERT_TRUE(some);
  EXPECT_FALSE(some->accepted);
  EXPECT_TRUE(std::isnan(some->metrics.at(1)));
  EXPECT_TRUE(std::isnan(some->metrics.at(2)));
  EXPECT_EQ(some->metrics.at(3), 7);
  EXPECT_EQ(some->complaint, "field rooms.0 is missing");
}

TEST(JsonReader, deep_and_damaged_answers_are_never_worse_than_a_refusal) {
  const auto spec = a_cluster("a.b.0.c", "t", {"m"});
  EXPECT_FALSE(read_json(spec, std::string(200'000, '[')));
  EXPECT_FALSE(read_json(spec, std::string(100'000, '[') + std::string(100'000, ']')));
  const std::string good = R"({"t": 3, "a": {"x": [1, "two"], "b": [{"c": 12}, null]}, "m": 0.5})";
  ASSERT_TRUE(read_json(spec, good));
  const auto reader = make_json_reader(spec);
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Random random(seed);
    std::string bad = good;
    constexpr std::string_view letters = "{}[]\",:\\ 0-e.n\xff";
    for (std::uint64_t hits = 1 + random.below(4); hits > 0; --hits)
      bad[random.below(bad.size())] = letters[random.below(letters.size())];
    if (random.below(3) == 0) bad.resize(random.below(bad.size()));
    const auto reading = reader->read(bad);
    if (reading) {
      ASSERT_GE(reading->connections, 0) << "seed " << seed;
    }
  }
}

TEST(PrometheusReader, metrics_are_summed_and_chosen_by_labels) {
  const auto spec = a_cluster("sockets{room=\"a\"}", "accepted_total", {"sockets", "cpu"});
  const auto reading =
      read_prometheus(spec,
                      "# TYPE sockets gauge\nsockets{room=\"a\"} 3\nsockets{room=\"b\"} 4\n"
                      "accepted_total 90\n");
  ASSERT_TRUE(reading) << reading.error().what;
  EXPECT_EQ(reading->connections, 3);
  EXPECT_EQ(reading->accepted, 90);
  ASSERT_EQ(reading->metrics.size(), 3u);
  EXPECT_EQ(reading->metrics[1], 7);
  EXPECT_TRUE(std::isnan(reading->metrics[2]));
  EXPECT_EQ(reading->complaint, "metric cpu is missing");
}

TEST(PrometheusReader, what_is_no_count_is_said_by_metric_and_by_what_was_found) {
  const struct {
    std::string body, what;
  } table[] = {
      {"sockets -1\n", "metric sockets is -1, which is no count"},
      {"sockets NaN\n", "metric sockets is nan, which is no number"},
      {"sockets +Inf\n", "metric sockets is inf, which is no number"},
      {"sockets 0.5\n", "metric sockets is 0.5, which is not a whole number"},
      {"other 1\n", "metric sockets is missing"},
      {"", "metric sockets is missing"},
      {"<html>", "line 1 is not in the Prometheus text format: <html>"},
  };
  for (const auto& [body, what] : table) {
    const auto reading = read_prometheus(a_cluster("sockets"), body);
    ASSERT_FALSE(reading) << body;
    EXPECT_EQ(reading.error().what, what);
  }
  EXPECT_FALSE(read_prometheus(a_cluster("not a metric"), "sockets 1\n"));
}

}  // namespace
}  // namespace utakata
