#include "load/report/report_json.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <nlohmann/json.hpp>

#include "load/report/sample_for_tests.h"

namespace utakata::load {
namespace {

using Json = nlohmann::json;

void expect_same(const LoadReport& a, const LoadReport& b) {
  EXPECT_EQ(a.file, b.file);
  EXPECT_EQ(a.plan, b.plan);
  EXPECT_EQ(a.started, b.started);
  EXPECT_EQ(a.planned, b.planned);
  EXPECT_EQ(a.elapsed, b.elapsed);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.metrics.line(), b.metrics.line()) << "histograms and all";
  EXPECT_TRUE(a.points == b.points);
  ASSERT_EQ(a.thresholds.size(), b.thresholds.size());
  for (std::size_t i = 0; i < a.thresholds.size(); ++i) {
    EXPECT_EQ(a.thresholds[i].threshold, b.thresholds[i].threshold);
    EXPECT_EQ(a.thresholds[i].verdict.is_kept, b.thresholds[i].verdict.is_kept);
    EXPECT_EQ(a.thresholds[i].verdict.measured, b.thresholds[i].verdict.measured);
    EXPECT_EQ(a.thresholds[i].verdict.because, b.thresholds[i].verdict.because);
  }
  EXPECT_EQ(a.faults, b.faults);
  EXPECT_EQ(a.generator, b.generator);
  EXPECT_EQ(a.doubts, b.doubts);
  EXPECT_EQ(a.notes, b.notes);
}

TEST(ReportJson, a_run_is_read_back_as_it_was) {
  LoadReport report = sample_report();
  report.doubts = {"one", harm};
  report.end = LoadEnd::aborted;
  const auto again = report_from_json(to_json(report));
  ASSERT_TRUE(again) << again.error().what;
  expect_same(report, *again);
}

TEST(ReportJson, an_empty_one_too) {
  const auto again = report_from_json(to_json(LoadReport{}));
  ASSERT_TRUE(again) << again.error().what;
  expect_same({}, *again);
}

TEST(ReportJson, scripts_that_read_k6s_summary_export_find_their_words) {
  const Json json = Json::parse(to_json(sample_report()));
  const Json& metrics = json["metrics"];
  EXPECT_NEAR(metrics["vote_seen"]["p(95)"].get<double>(), 134, 1) << "in milliseconds";
  EXPECT_GT(metrics["vote_seen"]["max"], metrics["vote_seen"]["med"]);
  EXPECT_EQ(metrics["iterations"]["count"], 4265);
  EXPECT_EQ(metrics["iterations"]["rate"], 42.65);
  EXPECT_EQ(metrics["http_req_failed"]["passes"], 15);
  EXPECT_EQ(metrics["votes_open"]["value"], 401);
  EXPECT_TRUE(metrics.contains("vote_seen{scenario=fans}"));
  EXPECT_EQ(json["checks"]["the vote is counted"]["fails"], 35);
  EXPECT_EQ(json["is_kept"], false);
  EXPECT_EQ(json["is_valid"], true);
}

// Any of them that a run can have come to.
LoadReport some_report() {
  const auto text = [] {
    return *rc::gen::element<std::string>("", "votes", harm, "\n\x7f", "泡沫");
  };
  const auto time = [] {
    return Duration{*rc::gen::inRange<std::int64_t>(0, 900'000'000'000'000)};
  };
  const auto number = [] { return double(*rc::gen::inRange(-1'000'000, 1'000'000)) / 7; };
  const auto strain = [&] { return Strain{*rc::gen::inRange(-1, 5), time(), time()}; };
  LoadReport report;
  report.file = text(), report.plan = text();
  report.started = WallTime{std::chrono::milliseconds{*rc::gen::arbitrary<int>()}};
  report.planned = time(), report.elapsed = time();
  report.end = LoadEnd(*rc::gen::inRange(0, 3));
  report.generator = {.workers = *rc::gen::inRange(0, 9), .watched = time(), .cpu_max = number()};
  report.generator.lag = strain(), report.generator.backlog = strain();
  for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
    const Tags tags = {{"by", text() == "votes" ? "a,}b" : ""}};
    const auto value = *rc::gen::inRange<std::int64_t>(1, 1'000'000'000);
    Metrics& m = report.metrics;
    m.trend(m.id(MetricKind::trend, "t", tags).value(), value);
    m.count(m.id(MetricKind::counter, "c", tags).value(), number());
    m.rate(m.id(MetricKind::rate, "r", tags).value(), value % 2 == 0);
    m.gauge(m.id(MetricKind::gauge, "g", tags).value(), number());
  }
  Duration at{};
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    LoadPoint point{.at = at, .length = 1s + time() / 1000, .users = i, .cpu_max = number()};
    at += point.length;
    for (const char* name : {"t", "c", "r", "g"})
      if (const auto total = report.metrics.total(name); total && *rc::gen::arbitrary<bool>()) {
        point.measured.emplace(name, packed(*total));
        if (auto* gauge = std::get_if<Gauge>(&point.measured.at(name))) gauge->turn = 1;
      }
    if (*rc::gen::arbitrary<bool>()) point.errors[text()] = number();
    report.points.push_back(std::move(point));
    report.faults.push_back({text(), text(), text(), text(), std::uint64_t(i)});
    const auto threshold = threshold_from("t{by:x}", "p(99.5)<1.5s").value();
    report.thresholds.push_back({threshold, judge(threshold, report.metrics, report.elapsed)});
    report.notes.push_back(text());
  }
  return report;
}

TEST(ReportJson, whatever_a_run_came_to_is_read_back_as_it_was) {
  EXPECT_TRUE(rc::check([] {
    const LoadReport report = some_report();
    const auto again = report_from_json(to_json(report));
    RC_ASSERT(again.has_value());
    expect_same(report, *again);
    RC_ASSERT(!testing::Test::HasFailure());
  }));
}

TEST(ReportJson, what_is_none_is_refused_with_its_place) {
  const auto changed = [](const auto& change) {
    static const std::string good = to_json(sample_report({.seconds = 3}));
    Json json = Json::parse(good);
    change(json);
    return json.dump();
  };
  const std::pair<std::string, std::string> rows[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"[]", "--json FILE"},
      {"{}", "--json FILE"},
      {R"({"format":"utakata-load-report"})", "version"},
      {std::string(1'000'000, '['), "too deeply"},
      {R"({"a":")" + std::string("\xff") + "\"}", "not JSON"},
      {changed([](Json& j) { j["version"] = 2; }), "the newer `utakata`"},
      {changed([](Json& j) { j.erase("plan"); }), "`plan` is not a text"},
      {changed([](Json& j) { j["elapsed_ms"] = -1; }), "`elapsed_ms` is not a time"},
      {changed([](Json& j) { j["elapsed_ms"] = 1e300; }), "`elapsed_ms` is not a time"},
      {changed([](Json& j) { j["started_ms"] = 0.5; }), "`started_ms` is not a whole"},
      {changed([](Json& j) { j["end"] = "never"; }), "`end` is not one of"},
      {changed([](Json& j) { j["doubts"] = {1}; }), "`doubts` is not a list of texts"},
      {changed([](Json& j) { j["points"][1]["users"] = -1; }), "`points[1].users` is not"},
      {changed([](Json& j) { j["points"][1]["at_ms"] = 0; }), "`points` is not one after"},
      {changed([](Json& j) { j["points"][2]["length_ms"] = 0; }), "`points[2].length_ms`"},
      {changed([](Json& j) { j["points"][0]["measured"]["x"] = {"rate", 3, 2}; }),
       "`points[0].measured`"},
      {changed([](Json& j) { j["points"][0]["measured"]["x"] = {"trend", "?"}; }),
       "`points[0].measured`"},
      {changed([](Json& j) { j["points"][0]["measured"]["a{b}"] = {"counter", 2}; }),
       "`points[0].measured`"},
      {changed([](Json& j) { j["points"][0]["measured"] = 5; }), "`points[0].measured`"},
      {changed([](Json& j) { j["thresholds"][0]["expression"] = "soon"; }),
       "`thresholds[0].expression` is not a threshold"},
      {changed([](Json& j) { j["faults"][0] = 7; }), "`faults[0]` is not an object"},
      {changed([](Json& j) { j["generator"]["lag"].erase("worker"); }), "`generator.lag.worker`"},
      {changed([](Json& j) { j["notes"] = Json(20'000, "x"); }), "`notes` is not a list"},
      {changed([](Json& j) { j["recorded"]["trends"] = {{"x", "?"}}; }), "`recorded`: This is no"},
  };
  for (const auto& [text, why] : rows) {
    const auto report = report_from_json(text);
    ASSERT_FALSE(report) << why;
    EXPECT_EQ(report.error().kind, Problem::Kind::invalid);
    EXPECT_NE(report.error().what.find(why), std::string::npos) << report.error().what;
  }
}

TEST(ReportJson, a_file_that_was_damaged_anywhere_does_no_harm) {
  const std::string good = to_json(sample_report({.seconds = 2}));
  EXPECT_TRUE(rc::check([&] {
    std::string text = good;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      text[at] = *rc::gen::element('"', '0', '9', '[', '}', ',', '\\', '\0', '\xff', 'e');
    }
    if (*rc::gen::inRange(0, 10) == 0) text.resize(*rc::gen::inRange<std::size_t>(0, text.size()));
    if (const auto report = report_from_json(text))
      RC_ASSERT(report_from_json(to_json(*report)).has_value());
  }));
}

TEST(ReportJson, words_that_are_no_utf8_are_mended_rather_than_thrown_about) {
  LoadReport report;
  report.faults.push_back({"", "a\xff", "", "", 1});
  const auto again = report_from_json(to_json(report));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->faults[0].what, "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace utakata::load
