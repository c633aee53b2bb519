#include "sim/report_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "sim/sim_result_for_tests.h"

namespace utakata {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST(JsonReport, has_everything_of_the_result) {
  SimResult result = result_for_tests();
  result.broken = {"1 no cut: x"};
  const Json json = Json::parse(to_json(result));
  EXPECT_EQ(keys_of(json),
            (std::vector<std::string>{"stack", "load", "seed", "began", "length_ms", "took_s",
                                      "currency", "broken", "faults", "clusters", "activities"}));
  EXPECT_EQ(json["length_ms"], 10'800'000);
  EXPECT_EQ(json["began"], "2026-12-31T20:00:00.000Z");
  EXPECT_EQ(json["broken"], Json::array({"1 no cut: x"}));
  EXPECT_EQ(json["faults"], Json::parse(R"([{"at_ms":7203000,
                                             "what":"SIGKILL to game-3 with 41 clients"}])"));
  Json cluster = json["clusters"][0];
  EXPECT_EQ(cluster["samples"].size(), 601u);
  EXPECT_EQ(cluster["samples"][1], Json::parse(R"({"at_ms":18000,"wanted":1,"starting":0,
      "serving":1,"draining":0,"wishing":10,"connections":10,"capacity":500,
      "refused":0,"cut":0})"));
  cluster.erase("samples");
  EXPECT_EQ(cluster, Json::parse(R"({"name":"lobby","arrivals":12345,"placements":12300,
      "refused":45,"waited_p50_ms":12,"waited_p99_ms":1200,"waited_most_ms":61000,
      "cuts":{"by_faults":41,"by_healing":3,"by_deadline":2,"by_scaling":0},
      "launches":7,"drains":6,"heals":1,"serving_most":6,"sent_elsewhere":0,
      "instance_hours":12.345,"cost":null})"));
}

TEST(JsonReport, has_activities_as_the_api_with_their_place_on_the_axis) {
  const Json json = Json::parse(to_json(result_for_tests()));
  EXPECT_EQ(json["activities"][0], Json::parse(R"({"number":1,"at":"2026-12-31T20:12:00.000Z",
      "at_ms":720000,"cluster":"lobby","instance":"lobby-2","phase":"intent","kind":"launch",
      "because":"62 connections each, target 50","limited_by":"max 4","by":"utakata",
      "cut":null})"));
  EXPECT_EQ(json["activities"][2]["cut"], 12);
}

TEST(JsonReport, has_a_cost_where_a_price_is_known) {
  SimResult result = result_for_tests();
  result.currency = "EUR";
  const Json json = Json::parse(to_json(result));
  EXPECT_EQ(json["currency"], "EUR");
  EXPECT_EQ(json["clusters"][0]["cost"], 1.5);
}

TEST(JsonReport, stays_json_whatever_is_in_it) {
  SimResult result = result_for_tests();
  result.stack = "\"</script>\n\xff\xc3";
  result.seed = std::numeric_limits<std::uint64_t>::max();
  result.took_seconds = std::numeric_limits<double>::quiet_NaN();
  const Json json = Json::parse(to_json(result));
  EXPECT_EQ(json["stack"], "\"</script>\n\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(json["seed"], result.seed);
  EXPECT_TRUE(json["took_s"].is_null());
  EXPECT_EQ(Json::parse(to_json(SimResult{}))["clusters"], Json::array());
}

}  // namespace
}  // namespace utakata
