// What is said about plans that are wrong: path and remedy, all at once.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load/plan/load_plan.h"

namespace utakata::load {
namespace {

// The JSON, and "path: a part of the sentence" for each mistake, in order.
struct Row {
  std::string json;
  std::vector<std::string> said;
};

template <std::size_t size>
void expect_said(const Row (&rows)[size]) {
  for (const Row& row : rows) {
    const auto plan = read_load_plan(row.json);
    ASSERT_FALSE(plan) << row.json;
    const std::string all = to_text(plan.error(), "s.mjs");
    EXPECT_EQ(plan.error().size(), row.said.size()) << row.json << "\n" << all;
    for (std::size_t i = 0; i < std::min(row.said.size(), plan.error().size()); ++i) {
      const auto& [path, what] = plan.error()[i];
      const std::size_t colon = row.said[i].find(": ");
      EXPECT_EQ(path, row.said[i].substr(0, colon)) << row.json << "\n" << what;
      EXPECT_NE(what.find(row.said[i].substr(colon + 2)), std::string::npos) << row.json << "\n"
                                                                             << all;
    }
  }
}

const std::string five = R"("users": 5, "duration": 5)";

TEST(Mistakes, of_the_text_as_such) {
  const Row rows[] = {
      {"", {"load: This is not JSON"}},
      {"{", {"load: This is not JSON"}},
      {R"({"users": 1e999})", {"load: This is not JSON"}},
      {R"({"tags": ")" + std::string(300'000, 'x') + "\"}", {"load: more than 256 KB"}},
      {"null",
       {"load: `load` must be an object such as `{ users: 100, duration: '5m' }`, not "
        "nothing."}},
      {"[1]", {"load: not a list."}},
      {"7", {"load: not `7`."}},
      {"{}",
       {"load: `load` must say how many users there are: give `users`, `arrivals`, `stages` "
        "or `scenarios`, such as `users: 100, duration: '5m'`."}},
  };
  expect_said(rows);
}

TEST(Mistakes, of_keys) {
  const Row rows[] = {
      {"{" + five + R"(, "xyz": 1})",
       {"load.xyz: `xyz` is not a key here: known "
        "are `users`, `arrivals`"}},
      {"{" + five + R"(, "tresholds": 1})",
       {"load.tresholds: `tresholds` is not a key here, did you mean `thresholds`?"}},
      {"{" + five + R"(, "think": 1})", {"load.think: `think` is not a key here: known are"}},
      {R"({"vus": 5, "duration": "1s"})",
       {"load.vus: `vus` is not a key here: it is called `users`.",
        "load.duration: `duration` of what? Give `users` or `arrivals` beside it.",
        "load: must say how many users"}},
      {R"({"scenarios": {"a": {"executor": "x", "startTime": "5s", "users": 1, "duration": 1}}})",
       {"load.scenarios.a.executor: known are `exec`",
        "load.scenarios.a.startTime: it is called `start_after`."}},
      {"{" + five + R"(, "odd key": 1})", {"load[\"odd key\"]: `odd key` is not a key here"}},
      {R"({"stages": [{"duration": 1, "target": 1, "targt": 2}]})",
       {"load.stages[0].targt: did you mean `target`?"}},
      {"{" + five + R"(, "thresholds": {"a": [{"threshold": "avg<5", "abortOnFail": true}]}})",
       {"load.thresholds.a[0].abortOnFail: it is called `abort_on_fail`."}},
  };
  expect_said(rows);
}

TEST(Mistakes, of_users) {
  const Row rows[] = {
      {R"({"users": 5})",
       {"load.users: How long? Give a `duration` beside `users`, such as `5m`."}},
      {R"({"users": "5", "duration": 5})",
       {"load.users: `users` must be a number such as `100`, or `{ stages: [{ duration: '30s', "
        "target: 100 }] }`, not `5`."}},
      {R"({"users": [], "duration": 5})", {"load.users: not a list."}},
      {R"({"users": null})", {"load.users: not nothing.", "load.users: How long?"}},
      {R"({"users": 1.5, "duration": 5})",
       {"load.users: `users` must be a whole number from 0 to 10,000,000, not `1.5`."}},
      {R"({"users": -1, "duration": 5})", {"load.users: not `-1`."}},
      {R"({"users": 10000001, "duration": 5})", {"load.users: not `10000001`."}},
      {R"({"users": 0, "duration": 5})", {"load.users: Nobody comes: `users` is 0 all the time"}},
      {R"({"users": 5, "duration": "soon"})",
       {"load.duration: `duration` must be a time such as `30s`, `5m` or `1h30m`, or a number of "
        "seconds, not `soon`."}},
      {R"({"users": 5, "duration": -1})", {"load.duration: not `-1`."}},
      {R"({"users": 5, "duration": "-1s"})", {"load.duration: not `-1s`."}},
      {R"({"users": 5, "duration": "5"})", {"load.duration: not `5`."}},
      {R"({"users": 5, "duration": 0})", {"load.users: Nobody comes"}},
      {R"({"users": 5, "duration": "31d"})",
       {"load.duration: `duration` must be 30 d at most, not `31d`."}},
      {R"({"users": 5, "duration": 1e300})", {"load.duration: 30 d at most"}},
      {R"({"users": 5, "iterations": 0})",
       {"load.iterations: must be a whole number from 1 to 1,000,000,000, not `0`."}},
      {R"({"users": 5, "arrivals": "5/s", "stages": [], "duration": 5})",
       {"load.arrivals: `arrivals` stands beside `users`: keep one of them.",
        "load.stages: `stages` stands beside `users`: keep one of them."}},
      {R"({"users": "x", "duration": "y"})", {"load.users: not `x`.", "load.duration: not `y`."}},
      {R"({"users": {"stages": [{"duration": 1, "target": 1}]}, "duration": 5})",
       {"load.duration: `duration` is what the stages take together: leave it out here."}},
      {R"({"users": {"start": 5}})", {"load.users: `users` needs `stages`, such as"}},
      {R"({"users": {"start": "x", "stages": 7}})",
       {"load.users.start: must be a whole number", "load.users.stages: must be a list"}},
  };
  expect_said(rows);
}

TEST(Mistakes, of_arrivals) {
  const Row rows[] = {
      {R"({"arrivals": "5/s"})", {"load.arrivals: How long?"}},
      {R"({"arrivals": "5/s", "iterations": 5})",
       {"load.iterations: `iterations` are of `users`: who comes by `arrivals` runs once.",
        "load.arrivals: How long?"}},
      {R"({"arrivals": "5", "duration": 5})",
       {"load.arrivals: `arrivals` must be a rate such as `50/s`, `90/m` or `5/h`, or a number a "
        "second, of 1,000,000 a second at most, not `5`."}},
      {R"({"arrivals": "5/d", "duration": 5})", {"load.arrivals: not `5/d`."}},
      {R"({"arrivals": "-5/s", "duration": 5})", {"load.arrivals: not `-5/s`."}},
      {R"({"arrivals": "nan/s", "duration": 5})", {"load.arrivals: not `nan/s`."}},
      {R"({"arrivals": "1000001/s", "duration": 5})", {"load.arrivals: not `1000001/s`."}},
      {R"({"arrivals": true, "duration": 5})",
       {"load.arrivals: must be a rate such as `50/s`, or `{ stages: [{ duration: '30s', target: "
        "'50/s' }] }`, not `true`."}},
      {R"({"arrivals": "1/h", "duration": "5m"})",
       {"load.arrivals: Nobody comes: the first arrival of `arrivals` would be after its end."}},
      {R"({"arrivals": 0, "duration": "5m"})", {"load.arrivals: Nobody comes: `arrivals` is 0"}},
      {R"({"arrivals": {"stages": [{"duration": 1, "target": "x"}], "start": []}})",
       {"load.arrivals.start: must be a rate", "load.arrivals.stages[0].target: must be a rate"}},
  };
  expect_said(rows);
}

TEST(Mistakes, of_stages) {
  std::string many = R"({"duration": 1, "target": 1})";
  for (int i = 0; i < 1000; ++i) many += R"(,{"duration":1,"target":1})";
  const Row rows[] = {
      {R"({"stages": []})",
       {"load.stages: `stages` must be a list of 1 to 1,000, such as `[{ "
        "duration: '30s', target: 100 }]`, not of 0."}},
      {R"({"stages": {}})", {"load.stages: not an object."}},
      {"{\"stages\": [" + many + "]}", {"load.stages: not of 1,001."}},
      {R"({"stages": [5, {}, {"duration": "x", "target": 1.5}, {"duration": 1}, {"target": -1}]})",
       {"load.stages[0]: This must be an object such as `{ duration: '30s', target: 100 }`, not "
        "`5`.",
        "load.stages[1]: This stage needs a `duration`", "load.stages[1]: needs a `target`",
        "load.stages[2].duration: `duration` must be a time", "load.stages[2].target: not `1.5`.",
        "load.stages[3]: needs a `target`", "load.stages[4]: needs a `duration`",
        "load.stages[4].target: not `-1`."}},
      {R"({"stages": [{"duration": 1, "target": 1, "step": "yes"}]})",
       {"load.stages[0].step: `step` must be `true` or `false`, not `yes`."}},
      {R"({"stages": [{"duration": "20d", "target": 1}, {"duration": "20d", "target": 1}]})",
       {"load.stages: The stages of `stages` take longer than 30 d: that is the most."}},
      {R"({"stages": [{"duration": 5, "target": 0}]})", {"load.stages: Nobody comes"}},
      {R"({"stages": [{"duration": 0, "target": 5}]})", {"load.stages: Nobody comes"}},
      {R"({"stages": [{"duration": 1, "target": 5}], "duration": 5})",
       {"load.duration: leave it out here."}},
  };
  expect_said(rows);
}

TEST(Mistakes, of_scenarios) {
  const Row rows[] = {
      {R"({"scenarios": {}})", {"load.scenarios: `scenarios` must name 1 to 100, not 0."}},
      {R"({"scenarios": []})",
       {"load.scenarios: must be an object such as `{ fans: { exec: 'fan', weight: 80 } }`, not a "
        "list."}},
      {R"({"scenarios": {"a": 5}})",
       {"load.scenarios.a: `a` must be an object such as `{ exec: 'fan', weight: 80 }`, not `5`."}},
      {R"({"scenarios": {"a": {}}})",
       {"load.scenarios.a: `a` needs `users` or `arrivals`, such as `users: 100, duration: "
        "'5m'`."}},
      {R"({"scenarios": {"a": {"weight": 1}, "b": {"users": 1, "duration": 1}}})",
       {"load.scenarios.a.weight: `weight` shares the users that stand beside `scenarios`: there "
        "are none."}},
      {"{" + five + R"(, "scenarios": {"a": {"weight": 1}, "b": {"users": 1, "duration": 2,
                        "start_after": 3}}})",
       {"load.scenarios.b.users: `users` is for a scenario with users of its own, but they stand "
        "beside `scenarios`: give it a `weight`, or all their own.",
        "load.scenarios.b.duration: `duration` is for", "load.scenarios.b.start_after: is for",
        "load.scenarios.b: `b` needs a `weight`, its share of the users, such as `weight: 80`."}},
      {"{" + five + R"(, "scenarios": {"a": {"weight": 0}, "b": {"weight": 1001},
                        "c": {"weight": 1.5}, "d": {"weight": "80%"}}})",
       {"load.scenarios.a.weight: a whole number from 1 to 1,000, not `0`.",
        "load.scenarios.b.weight: not `1001`.", "load.scenarios.c.weight: not `1.5`.",
        "load.scenarios.d.weight: not `80%`."}},
      {R"({"users": "x", "duration": 1, "scenarios": {"a": {"exec": 5}}})",
       {"load.users: not `x`.", "load.scenarios.a.exec: must be a text such as `fan`, not `5`.",
        "load.scenarios.a: needs a `weight`"}},
      {R"({"scenarios": {"a": {"exec": "2x", "users": 1, "duration": 1, "start_after": "x"},
                         "b": {"exec": "a b", "arrivals": "x", "duration": 1}}})",
       {"load.scenarios.a.exec: must be the name of an exported function, such as `fan`, not "
        "`2x`.",
        "load.scenarios.a.start_after: must be a time", "load.scenarios.b.exec: not `a b`.",
        "load.scenarios.b.arrivals: not `x`."}},
      {R"({"scenarios": {"a\n": {"users": 1, "duration": 1}}})",
       {"load.scenarios[\"a \"]: `a ` is no name for a scenario: use 1 to 60 characters."}},
      {R"({"scenarios": {"a": {"iterations": 1}}})",
       {"load.scenarios.a: needs `users` or `arrivals`",
        "load.scenarios.a.iterations: `iterations` of what?"}},
  };
  expect_said(rows);
}

TEST(Mistakes, of_what_stands_beside) {
  const Row rows[] = {
      {"{" + five + R"(, "graceful_stop": "2h"})",
       {"load.graceful_stop: `graceful_stop` must be 1 h at most, not `2h`."}},
      {"{" + five + R"(, "tags": "v2"})",
       {"load.tags: must be an object such as `{ release: 'v2' }`, not `v2`."}},
      {"{" + five + R"(, "tags": {"a": [], "b": null}})",
       {"load.tags.a: The tag `a` must be a text, not a list.", "load.tags.b: not nothing."}},
      {"{" + five + R"(, "tags": {"a:b": "c"}})", {"load.tags: `a:b` is no name for a tag"}},
      {"{" + five + R"(, "thresholds": []})",
       {"load.thresholds: must be an object such as `{ echo: 'p(95)<500' }`, not a list."}},
      {"{" + five + R"(, "thresholds": {"echo": 5, "ok": [], "x": [7, {}, {"threshold": 5}]}})",
       {"load.thresholds.echo: A threshold must be an expression such as `p(95)<500`, not `5`.",
        "load.thresholds.ok: must be a list of 1 to 1,000, such as `['p(95)<500']`, not of 0.",
        "load.thresholds.x[0]: not `7`.",
        "load.thresholds.x[1]: This needs a `threshold`, such as `threshold: 'p(95)<500'`.",
        "load.thresholds.x[2].threshold: must be a text such as `p(95)<500`, not `5`."}},
      {"{" + five + R"(, "thresholds": {"a{b}": "avg<5", "a{b:1}": "p95<5"}})",
       {"load.thresholds[\"a{b}\"]: `a{b}` is no metric",
        "load.thresholds[\"a{b:1}\"]: The "
        "threshold `p95<5` is not understood from character 1 on"}},
      {"{" + five + R"(, "thresholds": {"a": {"threshold": "avg<5", "abort_on_fail": 1}}})",
       {"load.thresholds.a.abort_on_fail: must be `true` or `false`, not `1`."}},
  };
  expect_said(rows);
}

TEST(Mistakes, are_a_hundred_at_most) {
  std::string json = "{\"a0\": 1";
  for (int i = 1; i < 500; ++i) json += fmt::format(", \"a{}\": 1", i);
  EXPECT_EQ(read_load_plan(json + "}").error().size(), 100u);
}

TEST(Mistakes, are_lines_with_the_file_and_the_path) {
  EXPECT_EQ(to_text(read_load_plan(R"({"users": 0, "duration": 5, "tgs": 1})").error(), "a.mjs"),
            "a.mjs: load.tgs: `tgs` is not a key here, did you mean `tags`?\n"
            "a.mjs: load.users: Nobody comes: `users` is 0 all the time, or takes no time.\n");
}

}  // namespace
}  // namespace utakata::load
